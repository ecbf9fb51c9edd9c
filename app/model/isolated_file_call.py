"""The functions that `isolated_files` calls in a child: fit, predict and score of a file model stored in a folder."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.errors import Invalid, ModelFailed
from app.model.file_estimators import FileEstimator, FittedFileModel
from app.model.files import InputFile, OutputFile
from app.model.isolated_files import read_stored, write_stored


def fit(module: str, kind: str, folder: str, params: Mapping[str, Any], files: str | None) -> list[str]:
    """Fit a new instance, and write its stored state; return its warnings."""
    with _refusals(), warnings.catch_warnings(record=True) as warned:
        model = _estimator(module, kind).fit_files(params, None if files is None else Path(files))
    try:
        write_stored(Path(folder), model.save())
    except TypeError as error:
        raise ModelFailed(str(error)) from error
    return [_sentence(each) for each in warned]


def predict(
    module: str, kind: str, folder: str, files: Sequence[Sequence[Any]], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the results, and for each file in them: result, member, name and type; the n-th is in the file `n`."""
    with _refusals():
        given = [InputFile(Path(path), name, media_type) for path, name, media_type in files]
        results: Any = _restored(module, kind, folder).predict_files(given, options)
    outputs: list[tuple[int, str, str, str]] = []
    for index, result in enumerate(results if isinstance(results, list) else []):
        for member, value in result.items() if isinstance(result, dict) else ():
            if isinstance(value, OutputFile):
                Path(folder, str(len(outputs))).write_bytes(value.content)
                outputs.append((index, member, value.name, value.media_type))
                result[member] = None
    return {"results": results, "outputs": outputs}


def score(module: str, kind: str, folder: str, files: str) -> dict[str, float | None]:
    """Return the score."""
    with _refusals():
        return _restored(module, kind, folder).score_files(Path(files))


def _estimator(module: str, kind: str) -> FileEstimator:
    return FileEstimator(getattr(importlib.import_module(module), kind))


def _restored(module: str, kind: str, folder: str) -> FittedFileModel:
    return _estimator(module, kind).load(read_stored(Path(folder)))


@contextmanager
def _refusals() -> Iterator[None]:
    """Return a ValueError with its whole message to the parent, as the refusal of a file."""
    try:
        yield
    except ValueError as error:
        raise Invalid.at("/file", str(error)) from error


def _sentence(warned: warnings.WarningMessage) -> str:
    return str(warned.message) if warned.category is UserWarning else f"{warned.category.__name__}: {warned.message}"
