"""Versions ready to predict, loaded from the store and kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from app.errors import NotFitted, NotFound
from app.model.base import Regressor
from app.schemas.requests import Version
from app.service.model_cache import ModelCache
from app.storage.model_store import Manifest, Store

LOADED_VERSIONS = 32
NUMBER_BYTES = 20  # of a float64 in JSON, about
T = TypeVar("T")


class Fitted(NamedTuple):
    """A version ready to predict."""

    manifest: Manifest
    estimator: Regressor
    free_rows: int
    """Rows that may be predicted at once without a closer look at their size."""
    answer_rows: int
    """Rows whose predictions an answer can hold."""

    def held_bytes(self) -> int:
        """Count the bytes it takes."""
        return self.estimator.held_bytes()


class Versions:
    """What was fitted, by model and version."""

    def __init__(
        self,
        models: Mapping[str, type[Regressor]],
        store: Store,
        *,
        max_design_bytes: int,
        max_answer_bytes: int,
        max_loaded_bytes: int,
    ) -> None:
        self._models = models
        self._store = store
        self._max_design_bytes = max_design_bytes
        self._max_answer_bytes = max_answer_bytes
        loaded = ModelCache(self._load, Fitted.held_bytes, max_count=LOADED_VERSIONS, max_bytes=max_loaded_bytes)
        self._cache = loaded
        self.pinned = loaded.get
        """Return the version of a model by its number; raise NotFound or ModelFailed."""

    def find(self, name: str, version: Version | None) -> Fitted:
        """Return the version that a request names; raise NotFound, or NotFitted when there is no version at all."""
        return self._named(name, version, self.pinned)

    def resolve(self, name: str, version: Version | None) -> int:
        """Return the number of a version, of the latest for None; raise NotFound, or NotFitted without any version.

        Of the store no more than an alias is read; a number need not exist.
        """
        return self._named(name, version, lambda _, number: number)

    def is_loaded(self, name: str, number: int) -> bool:
        """Return whether a version is in memory."""
        return self._cache.kept(name, number) is not None

    def manifest(self, name: str, version: Version | None) -> Manifest:
        """Read what is known of a version, without loading it; raise as `find` does."""
        return self._named(name, version, self._store.manifest)

    def _named(self, name: str, version: Version | None, get: Callable[[str, int], T]) -> T:
        try:
            return get(name, self._store.resolve(name, version))
        except NotFound:
            if not self._store.versions(name):
                raise NotFitted(f"model {name!r} has not been fitted yet; POST /models/{name}/fit first") from None
            raise

    def _load(self, name: str, version: int) -> Fitted:
        manifest, arrays = self._store.load(name, version)
        estimator = self._models[name].restore(manifest.params, {**manifest.learned, **arrays})
        inputs, outputs = len(manifest.schema.inputs), len(manifest.schema.outputs)
        design_bytes = max(estimator.design_bytes(1, inputs), 8 * inputs)
        row_bytes = design_bytes + 16 * outputs * max(1, estimator.n_terms(inputs))
        answer_rows = self._max_answer_bytes // (NUMBER_BYTES * outputs)
        return Fitted(manifest, estimator, self._max_design_bytes // row_bytes, answer_rows)
