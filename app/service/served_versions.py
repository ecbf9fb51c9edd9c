"""The versions that serve requests without a version, for descriptions of the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

from app.errors import TrinityError
from app.model.estimator import AnyEstimator
from app.service.models import Models
from app.storage.file_states import FileState
from app.storage.manifest import Manifest
from app.storage.model_store import Store

MAX_DESCRIBED = 100  # limit of models whose manifests are read for one description


class ServedVersion(NamedTuple):
    """The version of a model that serves, and the model's estimator."""

    manifest: Manifest
    estimator: AnyEstimator


Pointer: TypeAlias = tuple[str, int, FileState]
"""A model, the number of the version that serves, and the state of its manifest on disk."""


class ServedVersions:
    """Looks up the champion, or else the latest, of each model; unreadable versions are left out."""

    def __init__(self, models: Models, store: Store) -> None:
        self._models = models
        self._store = store

    @property
    def estimators(self) -> Mapping[str, AnyEstimator]:
        """The estimators of all models that have one of their own."""
        return self._models.estimators

    def pointers(self) -> tuple[Pointer, ...]:
        """Return which versions serve, of the first models by name. Equal pointers mean equal manifests."""
        try:
            names = self._models.names()
        except (OSError, TrinityError):
            return ()
        return tuple(islice(filter(None, map(self._pointer, names)), MAX_DESCRIBED))

    def read(self, pointers: Sequence[Pointer]) -> list[ServedVersion]:
        """Return the versions of pointers that can still be read."""
        return [found for found in map(self._served, pointers) if found is not None]

    def _pointer(self, name: str) -> Pointer | None:
        try:
            number = self._store.resolve(name, None)
            return name, number, self._store.revision(name, number)
        except (OSError, TrinityError):
            return None

    def _served(self, pointer: Pointer) -> ServedVersion | None:
        name, number, _ = pointer
        try:
            manifest = self._store.manifest(name, number)
            estimator = self._models.of(manifest)
        except (OSError, TrinityError):
            return None
        return ServedVersion(manifest, estimator)
