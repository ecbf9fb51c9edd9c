"""A few files of a fit, for which a file model and its restored copy predict."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from app.data.file_types import media_type_of
from app.errors import ModelFailed
from app.model.estimator import FittedModel
from app.model.file_estimators import FittedFileModel
from app.model.files import InputFile, OutputFile
from app.service.model_calls import fault
from app.service.restoring import TOLERANCE
from app.storage.payload_store import HEAD_BYTES

FILES = 3
LOOKED_AT = 100  # how many files of a folder are examined; the model may accept none of them
MAX_BYTES = 16 * 1024**2
MAX_S = 2.0  # of predictions altogether: slower ones are not repeated
UNCHECKED = "the model was restored, but not tried with a file before it was published: "
TOO_SLOW = f"{UNCHECKED}to predict the first one of the fit took more than {MAX_S:g} s"
REFUSED = f"{UNCHECKED}it refused the first ones of the fit"


class CheckedFiles(NamedTuple):
    """Files that are predicted twice, with the default options; empty if no file is suitable."""

    files: Sequence[InputFile] = ()
    unchecked: str = ""
    """In words, why the model that is restored predicts none, though there are some that it takes."""

    def predictions(self, model: FittedModel) -> list[Any]:
        """Return the result for each file as JSON values, with the digests of its files."""
        try:
            return [_prediction(model, file) for file in self.files]
        except ValueError as error:
            raise ModelFailed(f"predict refused a file of the fit that it took before: {error}") from error

    def agree(self, after: Sequence[Any], before: Sequence[Any], again: Callable[[], Sequence[Any]]) -> bool:
        """Return whether results are equal within rounding, apart from values that also differ in one model's results.

        Such values are the time of a prediction, or the date in a document.
        """
        return _agree(after, before, before) or _agree(after, before, again())


def some_files(model: FittedModel, folder: Path | None, clock: Callable[[], float] = time.monotonic) -> CheckedFiles:
    """Return the first files of a folder for which the model predicts, within a short time."""
    found: list[InputFile] = []
    why = ""
    ends_s = clock() + MAX_S
    for file in islice(_accepted(model, folder), FILES):
        try:
            _prediction(model, file)
        except ValueError:  # the file has another purpose
            why = why or REFUSED
            continue
        if clock() > ends_s:
            why = TOO_SLOW
            break
        found.append(file)
    return CheckedFiles(found, "" if found else why)


def _accepted(model: FittedModel, folder: Path | None) -> Iterator[InputFile]:
    """Return which of the first files in a folder the model accepts and are not too large."""
    if folder is None or not isinstance(model, FittedFileModel):
        return
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths[:LOOKED_AT]:
        with path.open("rb") as opened:
            media_type = media_type_of(opened.read(HEAD_BYTES), path.name)
        if media_type in model.instance.media_types and 0 < path.stat().st_size <= MAX_BYTES:
            yield InputFile(path, path.name, media_type)


def _prediction(model: FittedModel, file: InputFile) -> Any:
    if not isinstance(model, FittedFileModel):
        raise ModelFailed("a model that takes rows was restored instead of one that takes files")
    results: Any = model.predict_files([file], {})
    if not isinstance(results, list) or not all(isinstance(each, dict) for each in results):
        raise fault(model, "predict returned something other than a list of dicts")
    return [{key: _described(value) for key, value in each.items()} for each in results]


def _described(value: object) -> Any:
    if not isinstance(value, OutputFile):
        return value
    return {"name": value.name, "media_type": value.media_type, "sha256": hashlib.sha256(value.content).hexdigest()}


def _agree(after: Any, before: Any, again: Any) -> bool:
    """Return whether all parts agree that are equal in `before` and `again`."""
    if isinstance(before, Mapping) and isinstance(again, Mapping) and before.keys() == again.keys():
        same = isinstance(after, Mapping) and after.keys() == before.keys()
        return same and all(_agree(after[key], before[key], again[key]) for key in before)
    if isinstance(before, list) and isinstance(again, list) and len(before) == len(again):
        same = isinstance(after, list) and len(after) == len(before)
        return same and all(map(_agree, after, before, again))
    return not _close(before, again) or _close(after, before)


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(one == other)
