"""A few files of a fit, for which a file model and its restored copy predict."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from app.data.file_types import media_type_of
from app.errors import ModelFailed
from app.model.estimator import FittedModel
from app.model.file_estimators import FittedFileModel
from app.model.files import InputFile, OutputFile
from app.schemas.pointers import escaped
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
        found = differences(list(after), list(before))
        return not found or not outside(found, differences(list(before), list(again())))


def some_files(
    model: FittedModel, folder: Path | None, clock: Callable[[], float] = time.monotonic, within_s: float = MAX_S
) -> CheckedFiles:
    """Return the first files of a folder for which the model predicts, within a short time."""
    found: list[InputFile] = []
    why = ""
    ends_s = clock() + within_s
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


def differences(one: Any, other: Any, tolerance: float = TOLERANCE) -> list[str]:
    """Return the pointers to the parts of two results that differ by more than rounding."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        pairs: Iterable[tuple[Any, Any, Any]] = ((key, one[key], other[key]) for key in one)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = zip(count(), one, other, strict=False)
    else:
        return [] if _close(one, other, tolerance) else [""]
    return [escaped(key) + each for key, part, its in pairs for each in differences(part, its, tolerance)]


def outside(pointers: Iterable[str], varying: Sequence[str]) -> list[str]:
    """Return the pointers that do not lead into one of the parts `varying`."""
    return [each for each in pointers if not any(f"{each}/".startswith(f"{part}/") for part in varying)]


def _close(one: Any, other: Any, tolerance: float) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    return bool(one == other)
