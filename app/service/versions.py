"""Fitted versions of models, loaded from the store and kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar

import msgspec

from app.data.label_encoding import label_kind
from app.errors import Damaged, NotFitted, NotFound, TrinityError
from app.model.estimator import AnyEstimator, FittedModel
from app.schemas.requests import Version
from app.schemas.tables import Table
from app.service.choice import UseChoice
from app.service.compatibility import restore
from app.service.last_good import LastGood
from app.service.model_cache import ModelCache
from app.service.model_calls import model_errors
from app.service.models import Models
from app.storage.file_states import FRESH_S
from app.storage.manifest import Manifest
from app.storage.model_store import Store

LOADED_VERSIONS = 32
NUMBER_BYTES = 20  # a float64 in JSON, about
T = TypeVar("T")


class Fitted(NamedTuple):
    """A version ready to predict."""

    manifest: Manifest
    estimator: AnyEstimator
    model: FittedModel
    choice: UseChoice
    """The columns that a prediction reads."""
    unchecked_rows: int
    """A prediction of at most so many rows needs no check of its size."""
    max_answer_rows: int
    """Maximum number of rows whose predictions of y fit into one response."""
    max_full_answer_rows: int
    """Maximum number of rows whose y and probabilities fit."""

    def reading(self, table: Table) -> FittedModel:
        """Return the model for a table, which may have its own texts."""
        return self.model.with_texts(table.categories) if table.categories else self.model


class Versions:
    """Fitted versions, by model name and version."""

    def __init__(
        self,
        models: Models,
        store: Store,
        max_design_bytes: int,
        max_answer_bytes: int,
        max_loaded_bytes: int,
    ) -> None:
        self._models = models
        self._store = store
        self._max_design_bytes = max_design_bytes
        self._max_answer_bytes = max_answer_bytes
        self._last_good = LastGood(store.file_states)
        self._cache: ModelCache[Fitted] = ModelCache(
            self._load,
            lambda fitted: fitted.manifest.held_bytes or fitted.model.held_bytes(),
            store.revision,
            max_count=LOADED_VERSIONS,
            max_bytes=max_loaded_bytes,
            fresh_s=FRESH_S,
        )
        self.get = self._cache.get
        """Return a version by its model's name and its number; raise as `find` and `restore` do."""

    @property
    def is_full(self) -> bool:
        """Whether another version would evict one."""
        return self._cache.is_full

    def may_be_quick(self, name: str, number: int) -> bool:
        """Return whether a version is in memory, and predicts in this process."""
        fitted = self._cache.seen(name, number)
        return fitted is not None and not fitted.model.isolated

    def find(self, name: str, version: Version | None) -> Fitted:
        """Return the version that a request names; raise NotFound, or NotFitted when there is no version at all.

        For None it is the champion, or else the latest; while that cannot be loaded, its predecessor.
        """
        found = self._resolved(name, version, self.get)
        if version is None:
            self._last_good.note(name, found.manifest.version)
        return found

    def ready(self, name: str, version: Version | None) -> Fitted | None:
        """Do as `find` for a version in memory; return None if files must be read to find or load it.

        This only reads the states of files, so it may be called on the event loop.
        """
        number = self._store.seen(name, version) if self._models.is_known(name) else None
        if number is None:
            return None
        if version is not None:
            return self.loaded(name, number)
        found = self.loaded(name, self._last_good.instead_of(name, number))
        if found is not None:
            self._last_good.note(name, found.manifest.version)
        return found

    def has_stand_in(self, name: str, number: int) -> bool:
        """Return whether another version answers instead of one that could not be loaded."""
        return self._last_good.instead_of(name, number) != number

    def stand_ins(self) -> dict[str, tuple[int, int, str]]:
        """Return, by model, which version should answer, which version does, and why the first cannot be loaded."""
        found = {}
        for name, number, last, why in self._last_good.stand_ins():
            with suppress(NotFound, Damaged):  # the alias was moved or removed
                if self._store.resolve(name, None) == number:
                    found[name] = number, last, why
        return found

    def loaded(self, name: str, number: int) -> Fitted | None:
        """Return a version if it is in memory and unchanged on disk; this reads states of files only."""
        try:
            return self._cache.peek(name, number)
        except NotFound:
            return None

    def manifest(self, name: str, version: Version | None) -> Manifest:
        """Return the manifest of a version without loading its model; raise as `find` does."""
        return self._resolved(name, version, self._store.manifest)

    def _resolved(self, name: str, version: Version | None, get: Callable[[str, int], T]) -> T:
        try:
            number = self._store.resolve(name, version)
            return get(name, number if version is not None else self._last_good.instead_of(name, number))
        except NotFound:
            self._check_fitted(name)
            raise

    def _check_fitted(self, name: str) -> None:
        if not self._store.versions(name):
            if name not in self._models.estimators:
                raise self._models.not_found(name) from None
            raise NotFitted(f"model {name!r} has not been fitted yet; POST /models/{name}/fit first") from None

    def _load(self, name: str, version: int) -> Fitted:
        states = self._store.file_states(name, version)
        try:
            found = self._restored(name, version)
        except NotFound:
            raise
        except BaseException as error:  # the model's code that restores a version may raise anything
            why = error.detail if isinstance(error, TrinityError) else f"it raised {type(error).__name__}"
            self._last_good.failed(name, version, states, why)
            raise
        self._last_good.loaded(name, version)
        return found

    def _restored(self, name: str, version: int) -> Fitted:
        manifest, files = self._store.load(name, version)
        estimator, schema = self._models.of(manifest), manifest.schema
        model = restore(estimator, manifest, files)
        labels = None if manifest.classes is None else label_kind(manifest.classes)
        choice = UseChoice(
            schema,
            estimator.kinds,
            takes_missing=estimator.takes_missing,
            any_texts=estimator.reads_texts,
            labels=labels,
        )
        outputs = len(manifest.classes or schema.outputs)
        with model_errors(estimator.name):
            needed = model.size(1)
        row_bytes = needed.design_bytes + 16 * outputs * max(1, needed.terms)
        y_bytes, all_bytes = _answer_bytes(manifest)
        return Fitted(
            manifest,
            estimator,
            model,
            choice,
            self._max_design_bytes // row_bytes,
            self._max_answer_bytes // y_bytes,
            self._max_answer_bytes // all_bytes,
        )


def _answer_bytes(manifest: Manifest) -> tuple[int, int]:
    """Return the approximate bytes of a row in a JSON response: for y, and for all outputs."""
    if manifest.classes is None:
        return (NUMBER_BYTES * max(1, len(manifest.schema.outputs)),) * 2  # a model of files has no outputs
    label_bytes = 1 + max(len(msgspec.json.encode(label)) for label in manifest.classes)
    return label_bytes, label_bytes + NUMBER_BYTES * len(manifest.classes)
