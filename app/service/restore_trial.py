"""Restores a model in a child process, from a folder with its stored state, and predicts with it."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np

from app.model.estimator import AnyEstimator, FittedModel, Stored
from app.model.files import InputFile
from app.model.isolation.fork_server import preload
from app.model.isolation.resident_memory import resident_bytes
from app.schemas.columns import Column
from app.schemas.decoding import decode_json
from app.schemas.tasks import Label, Task
from app.service.checked_files import CheckedFiles
from app.service.discovery import find_models
from app.service.restoring import Checked, CheckedRows, restored_from
from app.storage.array_files import pack_arrays, unpack_arrays
from app.storage.manifest import Schema

REQUEST, CHECKED, ROWS = "request.json", "checked.json", "rows.npz"
FILES = "files"
ONCE_BYTES = 1024**2
"""A model with more bytes is loaded a second time, because at the first load libraries load parts of their own."""


class ImportedSource(msgspec.Struct):
    """The estimator of an imported pipeline."""

    task: Task
    source: str
    approved: list[str]


class RowsJson(msgspec.Struct, tag=True):
    """Facts about the rows to predict, which are in a file of their own."""

    schema: Schema
    texts: dict[int, list[str]]


class FilesJson(msgspec.Struct, tag=True):
    """The files to predict: path, name and media type."""

    files: list[tuple[str, str, str]]


CheckedJson: TypeAlias = RowsJson | FilesJson


class RestoreRequest(msgspec.Struct):
    """The model to restore: its estimator, and the stored state beside the files."""

    estimator: str
    modules: list[str]
    """The module of the estimator, if it was not imported."""
    trusted: list[str]
    imported: ImportedSource | None
    params: dict[str, Any]
    learned: dict[str, Any]
    columns: list[Column]
    classes: list[Label] | None

    def find(self) -> AnyEstimator:
        """Return the estimator."""
        if self.imported is None:
            return find_models(self.modules, self.trusted)[self.estimator]
        from app.model.imported.skops_import import ImportedPipeline  # noqa: PLC0415  only these need scikit-learn

        imported = self.imported
        return ImportedPipeline(self.estimator, imported.task, imported.source, bytes, imported.approved, {})


class RestoredJson(msgspec.Struct):
    """Restored as JSON values."""

    attributes: list[str] | None
    predictions: list[Any]
    held_bytes: int
    raised: str


def write_trial(folder: Path, request: RestoreRequest, stored: Stored, checked: Checked) -> None:
    """Write the folder that `try_restoring` reads."""
    files = folder / FILES
    files.mkdir()
    for name, content in stored.files.items():
        (files / name).write_bytes(content)
    (folder / REQUEST).write_bytes(msgspec.json.encode(request))
    (folder / CHECKED).write_bytes(msgspec.json.encode(_as_json(folder, checked)))


def try_restoring(folder: str) -> Any:
    """Return a RestoredJson as JSON values."""
    place = Path(folder)
    request = decode_json((place / REQUEST).read_bytes(), RestoreRequest)
    estimator = request.find()
    if estimator.files is not None:
        for library in estimator.files.preload:  # as in the children of its isolated calls
            preload(library)

    def read() -> Stored:
        files = {path.name: path.read_bytes() for path in (place / FILES).iterdir()}
        return Stored(request.params, request.learned, files, request.columns, request.classes)

    found = restored_from(estimator, lambda: _loaded(estimator, read), _checked(place))
    predicted = [each.tolist() if isinstance(each, np.ndarray) else each for each in found.predictions]
    return msgspec.to_builtins(RestoredJson(found.attributes, predicted, found.held_bytes, found.raised))


def _as_json(folder: Path, checked: Checked) -> CheckedJson:
    if isinstance(checked, CheckedFiles):
        return FilesJson([(str(file.path), file.name, file.media_type) for file in checked.files])
    if not isinstance(checked, CheckedRows):
        raise TypeError(type(checked).__name__)
    (folder / ROWS).write_bytes(pack_arrays({"X": checked.X}))
    return RowsJson(checked.schema, {place: list(texts) for place, texts in checked.texts.items()})


def _checked(folder: Path) -> Checked:
    found = decode_json((folder / CHECKED).read_bytes(), CheckedJson)
    if isinstance(found, FilesJson):
        return CheckedFiles([InputFile(Path(path), name, media_type) for path, name, media_type in found.files])
    return CheckedRows(unpack_arrays((folder / ROWS).read_bytes())["X"], found.texts, found.schema)


def _loaded(estimator: AnyEstimator, read: Callable[[], Stored]) -> tuple[FittedModel, int]:
    """Return the model and its bytes of memory: at least those of its files."""
    model, held_bytes, file_bytes = _measured(estimator, read)
    if held_bytes > max(ONCE_BYTES, file_bytes):
        _again, again_bytes, _ = _measured(estimator, read)  # beside the first one, which keeps its memory
        held_bytes = min(held_bytes, again_bytes)
    return model, max(held_bytes, file_bytes)


def _measured(estimator: AnyEstimator, read: Callable[[], Stored]) -> tuple[FittedModel, int, int]:
    """Return the model, the growth of this process in bytes, and the bytes of its files."""
    before_bytes = resident_bytes()
    stored = read()
    file_bytes = sum(len(content) for content in stored.files.values())
    model = estimator.load(stored)
    del stored
    gc.collect()
    return model, resident_bytes() - before_bytes, file_bytes
