"""Restores a model in a child process, from a folder with what would be stored of it, and predicts a few rows."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from app.model.estimator import AnyEstimator, FittedModel, Stored
from app.model.isolation.resident_memory import resident_bytes
from app.schemas.columns import Column
from app.schemas.tables import Matrix
from app.schemas.tasks import Label, Task
from app.service.discovery import find_models
from app.service.restoring import CheckedRows, restored_from
from app.storage.array_files import pack_arrays, unpack_arrays
from app.storage.manifest import Schema

WANTED, ROWS = "wanted.json", "rows.npz"
FILES = "files"
ONCE_BYTES = 1024**2
"""Beyond so many bytes a model is loaded a second time: the first time, libraries load parts of their own."""


class ImportedSource(msgspec.Struct):
    """The estimator of an imported pipeline."""

    task: Task
    source: str
    approved: list[str]


class Wanted(msgspec.Struct):
    """What to restore: the estimator, what is stored beside the files, and what is known of the rows."""

    estimator: str
    modules: list[str]
    """Where the estimator is, if it was not imported."""
    trusted: list[str]
    imported: ImportedSource | None
    params: dict[str, Any]
    learned: dict[str, Any]
    columns: list[Column]
    classes: list[Label] | None
    schema: Schema
    texts: dict[int, list[str]]

    def find(self) -> AnyEstimator:
        """Return the estimator."""
        if self.imported is None:
            return find_models(self.modules, self.trusted)[self.estimator]
        from app.model.imported.skops_import import ImportedPipeline  # noqa: PLC0415  only these need scikit-learn

        imported = self.imported
        return ImportedPipeline(self.estimator, imported.task, imported.source, bytes, imported.approved, {})


class RestoredJson(msgspec.Struct):
    """Restored, as JSON has it."""

    attributes: list[str] | None
    predictions: list[Any]
    held_bytes: int
    raised: str


def write_trial(folder: Path, wanted: Wanted, stored: Stored, X: Matrix) -> None:
    """Write what `try_restoring` reads."""
    files = folder / FILES
    files.mkdir()
    for name, content in stored.files.items():
        (files / name).write_bytes(content)
    (folder / ROWS).write_bytes(pack_arrays({"X": X}))
    (folder / WANTED).write_bytes(msgspec.json.encode(wanted))


def try_restoring(folder: str) -> Any:
    """Return an RestoredJson as JSON values."""
    place = Path(folder)
    wanted = msgspec.json.decode((place / WANTED).read_bytes(), type=Wanted)
    estimator = wanted.find()

    def read() -> Stored:
        files = {path.name: path.read_bytes() for path in (place / FILES).iterdir()}
        return Stored(wanted.params, wanted.learned, files, wanted.columns, wanted.classes)

    rows = CheckedRows(unpack_arrays((place / ROWS).read_bytes())["X"], wanted.texts, wanted.schema)
    found = restored_from(estimator, lambda: _loaded(estimator, read), rows)
    predicted = [each.tolist() for each in found.predictions]
    return msgspec.to_builtins(RestoredJson(found.attributes, predicted, found.held_bytes, found.raised))


def _loaded(estimator: AnyEstimator, read: Callable[[], Stored]) -> tuple[FittedModel, int]:
    """Return the model and the bytes that it takes: at least those of its files."""
    model, held_bytes, file_bytes = _measured(estimator, read)
    if held_bytes > max(ONCE_BYTES, file_bytes):
        _again, again_bytes, _ = _measured(estimator, read)  # beside the first one, which keeps its memory
        held_bytes = min(held_bytes, again_bytes)
    return model, max(held_bytes, file_bytes)


def _measured(estimator: AnyEstimator, read: Callable[[], Stored]) -> tuple[FittedModel, int, int]:
    """Return the model, by how much this process has grown for it, and the bytes of its files."""
    before_bytes = resident_bytes()
    stored = read()
    file_bytes = sum(len(content) for content in stored.files.values())
    model = estimator.load(stored)
    del stored
    gc.collect()
    return model, resident_bytes() - before_bytes, file_bytes
