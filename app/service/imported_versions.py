"""The estimators of versions that were imported, or fitted again from an import."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache, partial
from typing import Protocol

from app.model.estimator import AnyEstimator
from app.model.imported.imported_estimator import TAKES_MISSING, ImportedEstimator, file_name
from app.storage.manifest import Manifest

KEPT = 64


class VersionReader(Protocol):
    """An object with versions, such as the store."""

    def manifest(self, name: str, version: int, /) -> Manifest:
        """Return the manifest of a version."""

    def load(self, name: str, version: int, /) -> tuple[Manifest, dict[str, bytes]]:
        """Return a version with its files."""


class ImportedVersions:
    """Creates estimators of versions; `approved` are types and domains that files may hold beside the safe ones.

    Files of a store are `proven`: each was tried out before its version was published, and has its digest.
    """

    def __init__(self, store: VersionReader, approved: Collection[str], *, proven: bool = False) -> None:
        self._proven = proven
        self._store = store
        self._approved = frozenset(approved)
        self._pipeline = lru_cache(KEPT)(self._make_pipeline)

    def estimator(self, manifest: Manifest) -> AnyEstimator:
        """Return the estimator that loads a version."""
        if manifest.format == "skops":
            return self._pipeline(manifest.model, manifest.version, manifest.sha256)
        return ImportedEstimator(
            manifest.model,
            manifest.task,
            manifest.estimator,
            manifest.format,
            self._approved,
            proven=self._proven,
            takes_missing=manifest.learned.get(TAKES_MISSING, True),
        )

    def _make_pipeline(self, name: str, version: int, _: str) -> AnyEstimator:
        # only such a version needs scikit-learn
        from app.model.imported.skops_import import ImportedPipeline  # noqa: PLC0415

        manifest = self._store.manifest(name, version)
        return ImportedPipeline(
            name,
            manifest.task,
            manifest.estimator,
            partial(self._read, name, version),
            self._approved,
            manifest.provenance or {},
            [column.name for column in manifest.schema.columns if column.kind == "text"],
        )

    def _read(self, name: str, version: int) -> bytes:
        manifest, files = self._store.load(name, version)
        return bytes(files[file_name(manifest.format)])
