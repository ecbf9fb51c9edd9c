"""Export a version of a model as an archive, and import one as the next version of a model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.model.imported.imported_estimator import MODULES
from app.model.isolation.isolated_calls import CallFailed, CallLimits, IsolatedCalls
from app.schemas.decoding import convert
from app.schemas.ids import new_id
from app.service.models import Models
from app.service.publishing import publish
from app.service.transfer.trial import sample_of
from app.service.transfer.version_archive import ArchivedVersion, pack, read_archive
from app.storage.manifest import Manifest
from app.storage.model_store import Store

_TRIAL = "app.service.transfer.trial"


class ArchiveLimits(NamedTuple):
    """The limits of an archive, its model and its trial."""

    max_bytes: int
    max_loaded_bytes: int
    trial: CallLimits


class Imported(NamedTuple):
    """A version that was imported."""

    manifest: Manifest
    rows: int
    """The number of rows of its sample that it predicted as before."""
    signed: bool
    warnings: list[str]


class _Trial(msgspec.Struct):
    rows: int
    warnings: list[str]


def export_version(store: Store, model: str, version: int, key: str | None) -> bytes:
    """Return the archive of a version, signed if there is a key; raise NotFound or Damaged."""
    return pack(store.files(model, version), key)


class VersionImporter:
    """Imports archives into a store: each is first tried out in a child process, then published like any version."""

    def __init__(
        self,
        store: Store,
        models: Models,
        limits: ArchiveLimits,
        *,
        modules: Sequence[str],
        approved: Collection[str],
        key: str | None,
    ) -> None:
        """`approved` are the types that files may hold beside the safe ones; `key` signs archives."""
        self._store = store
        self._models = models
        self._limits = limits
        self._modules = list(modules)
        self._approved = sorted(approved)
        self._key = key

    def run(self, path: Path, name: str | None = None) -> Imported:
        """Publish the version in an archive as the next one of a model, by default of a model with its original name.

        Raise Invalid for an archive that is not sound, Conflict for a model of another estimator, or Unavailable.
        """
        archived = read_archive(path, self._key, self._limits.max_bytes)
        model = archived.manifest.model if name is None else name
        self._check_name(model, archived.manifest)
        trial = self._tried(path, archived)
        manifest = _moved(archived, model, trial.warnings)
        published = publish(self._store, manifest, archived.files, sample=sample_of(archived))
        return Imported(published, trial.rows, archived.signed, trial.warnings)

    def _check_name(self, model: str, manifest: Manifest) -> None:
        """Raise Invalid or Conflict for a model that cannot have the version."""
        if manifest.provenance is None:
            self._models.for_fit(model, manifest.made_of)
        else:
            self._models.check_imported_name(model)

    def _tried(self, path: Path, archived: ArchivedVersion) -> _Trial:
        form = archived.manifest.format
        calls = IsolatedCalls(self._limits.trial, needed=[_TRIAL, *([MODULES[form]] if form in MODULES else [])])
        try:
            found = calls.call(
                f"{_TRIAL}:try_archive",
                path=str(path),
                sha256=archived.manifest.sha256,
                modules=self._modules,
                approved=self._approved,
                max_bytes=self._limits.max_bytes,
                max_loaded_bytes=self._limits.max_loaded_bytes,
                signed=archived.signed,
            )
        except CallFailed as error:
            raise error.refusal("the version") from None
        finally:
            calls.close()
        return convert(found, _Trial)


def _moved(archived: ArchivedVersion, model: str, warnings: list[str]) -> Manifest:
    """Return the manifest of the version in this store, which includes its origin."""
    was = archived.manifest
    # the estimator of an imported file has the name of its model
    made_of = was.made_of if was.provenance is None else was.estimator_name
    origin = {
        "model": was.model,
        "version": was.version,
        "sha256": was.sha256,
        "signed": archived.signed,
        "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    return msgspec.structs.replace(
        was,
        model=model,
        version=0,
        estimator_name=made_of,
        job=new_id(),
        by="",
        data=dict(was.data),
        warnings=[*was.warnings, *warnings],
        moved_from=origin,
        arrays_sha256="",
    )
