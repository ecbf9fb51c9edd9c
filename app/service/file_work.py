"""Fit, predict and score of models whose input is a file: the checks before the work, and the work."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from logging import getLogger
from pathlib import Path
from typing import Any

import msgspec

from app.data.file_types import ZIP
from app.data.zip_files import unpack
from app.errors import Invalid, ModelFailed, UnsupportedMediaType
from app.model.estimator import AnyEstimator, FittedModel
from app.model.file_estimators import FileEstimator, FittedFileModel
from app.model.files import FileModel, InputFile
from app.schemas.pointers import escaped
from app.schemas.query import with_lists
from app.schemas.requests import FileInput, Request, Work
from app.schemas.tasks import Stacks
from app.schemas.verbs import Verb
from app.service.checked_files import some_files
from app.service.fitting import Facts, FitSpec, publish_model
from app.service.model_calls import Fit, fault, finite, refusal, save_model, with_warnings
from app.service.restoring import Restore, check_restored, restore_here
from app.service.result_files import ResultFiles
from app.service.sources import check_params
from app.service.versions import Fitted
from app.storage.manifest import Schema
from app.storage.model_store import Store
from app.storage.payload_store import Payloads

logger = getLogger(__name__)

FILE = "/file"
"""The pointer to the file of a request that has none."""


class FileWork:
    """Runs the work of file models on files in the store."""

    def __init__(self, store: Store, payloads: Payloads, results: ResultFiles, restore: Restore = restore_here) -> None:
        self._store = store
        self._restore = restore
        self._payloads = payloads
        self._results = results

    def fit(self, estimator: AnyEstimator, spec: FitSpec) -> tuple[int, dict[str, Any]]:
        """Fit to the files of a zip file, or to none, and publish after the model was restored."""
        data = spec.work.data
        with unpacked(self._payloads, data) as folder:
            model, warned = fit_files(_file_estimator(estimator), spec.work.params, folder, _pointer(data))
            stored = save_model(model)
            checked = some_files(model, folder)
            held_bytes = check_restored(estimator, model, stored, checked, self._restore)
            files = sum(1 for path in folder.rglob("*") if path.is_file()) if folder is not None else 0
        if checked.unchecked:
            logger.warning("%s: %s", model.place, checked.unchecked)
        facts = Facts(
            {"source": "file", "files": files},
            data.reference.rpartition(":")[2] if isinstance(data, FileInput) else "",
            Schema([], [], vector=True),
            finite(model.diagnostics()),
            [*model.warnings(), *warned, *filter(None, [checked.unchecked])],
            held_bytes,
            "no",  # for files the class sets how many share a call
        )
        return publish_model(estimator, model, stored, facts, spec, self._store)

    def predict(self, fitted: Fitted, works: Sequence[Work]) -> list[dict[str, Any]]:
        """Return the result of each work; works with the same options share a call."""
        found: dict[int, dict[str, Any]] = {}
        groups: dict[bytes, list[int]] = {}
        for index, work in enumerate(works):
            groups.setdefault(msgspec.json.encode(work.params, order="sorted"), []).append(index)
        for indices in groups.values():
            inputs = [_file(works[index]) for index in indices]
            files = [input_file(self._payloads, each) for each in inputs]
            results = predict_files(_file_model(fitted), files, works[indices[0]].params, inputs[0].pointer)
            for index, data, result in zip(indices, inputs, results, strict=True):
                found[index] = self._results.kept(result, data.id)
        return [found[index] for index in range(len(works))]

    def score(self, fitted: Fitted, work: Work) -> dict[str, Any]:
        """Return a model's score on the files of a zip file."""
        with unpacked(self._payloads, _file(work)) as folder:
            if folder is None:
                raise Invalid.at(FILE, "a score needs a zip file")
            return score_files(_file_model(fitted), folder, _pointer(work.data))

    def max_batch_rows(self, fitted: Fitted, stacked: Collection[Stacks]) -> int:
        """Return the maximum number of files of one call, which the class sets."""
        most = _file_model(fitted).instance.max_batch_files
        return most if stacked and most > 1 else 0


def input_file(payloads: Payloads, data: FileInput) -> InputFile:
    """Return a file of the store as a model gets it."""
    return InputFile(payloads.path(data.reference), data.name, data.media_type)


@contextmanager
def unpacked(payloads: Payloads, data: object) -> Iterator[Path | None]:
    """Give a folder with the files of a zip file, which is removed afterwards; None without a zip file."""
    if data is None:
        yield None
        return
    if not isinstance(data, FileInput):
        raise Invalid.at("/data", "the model takes files, not rows")
    path = payloads.path(data.reference)
    with payloads.scratch("files") as folder:
        unpack(path, folder, data.pointer)
        yield folder


def check_file(kind: type[FileModel], verb: Verb, file: FileInput) -> None:
    """Raise UnsupportedMediaType for a file that a verb of the model does not accept, Invalid for an empty one."""
    if file.reference.split(":")[1] == "0":
        raise Invalid.at(file.pointer, "the file is empty")
    accepted = kind.media_types if verb == "predict" else (ZIP,)
    if file.media_type not in accepted:
        found = f"by its first bytes the file is {file.media_type}"
        raise UnsupportedMediaType.at(file.pointer, f"{found}; the model {kind.name!r} takes {', '.join(accepted)}")


def check_options(kind: type[FileModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a prediction, those of a query converted to their types; raise Invalid."""
    options = kind.options()
    return check_params(options, with_lists(options, given), "", strict=False)


def check_no_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Raise Invalid for options of a verb that has none."""
    for name in given:
        raise Invalid.at(escaped(name), "unknown query parameter")
    return {}


def check_no_rows(estimator: AnyEstimator, request: Request) -> None:
    """Raise Invalid for a request with rows, or with members for rows."""
    given = {
        "/data": request.data is not None or request.source is not None,
        "/target": bool(request.target),
        "/inputs": request.inputs is not None,
        "/weight": request.weight is not None,
        "/promote": request.promote is not None,
    }
    for pointer in (pointer for pointer, is_given in given.items() if is_given):
        raise Invalid.at(pointer, f"the model {estimator.name!r} takes files, not rows")


def _file_estimator(estimator: AnyEstimator) -> FileEstimator:
    if not isinstance(estimator, FileEstimator):
        raise Invalid.at(FILE, f"the model {estimator.name!r} takes rows, not files")
    return estimator


def _file_model(fitted: Fitted) -> FittedFileModel:
    if not isinstance(fitted.model, FittedFileModel):
        raise Invalid.at(FILE, f"the model {fitted.manifest.model!r} takes rows, not files")
    return fitted.model


def _file(work: Work) -> FileInput:
    if not isinstance(work.data, FileInput):
        raise Invalid.at("/data", f"the model {work.model!r} takes files, not rows")
    return work.data


def _pointer(data: object) -> str:
    return data.pointer if isinstance(data, FileInput) else FILE


def fit_files(estimator: FileEstimator, params: Mapping[str, Any], folder: Path | None, pointer: str) -> Fit:
    """Fit to the files of a folder; raise Invalid for files that the model refuses."""

    def fit() -> FittedModel:
        try:
            return estimator.fit_files(params, folder)
        except ValueError as error:
            raise refusal(error, pointer) from error

    return with_warnings(fit)


def predict_files(
    model: FittedFileModel, files: Sequence[InputFile], options: Mapping[str, Any], pointer: str
) -> list[dict[str, Any]]:
    """Return the result for each file; raise Invalid for a file that the model refuses, ModelFailed for no result."""
    try:
        results: Any = model.predict_files(files, options)
    except ValueError as error:
        raise refusal(error, pointer) from error
    if not isinstance(results, list) or not all(isinstance(each, dict) for each in results):
        raise fault(model, "predict returned something other than a list of dicts")
    if len(results) != len(files):
        raise fault(model, f"predict returned {len(results)} results for {len(files)} files")
    return results


def score_files(model: FittedFileModel, folder: Path, pointer: str) -> dict[str, int | float | None]:
    """Return the score on the files of a folder; raise Invalid for files that the model refuses."""
    try:
        found = model.score_files(folder)
    except ValueError as error:
        raise refusal(error, pointer) from error
    return finite(found)


def require_file_work(work: FileWork | None) -> FileWork:
    """Return the object that runs the work of file models; raise ModelFailed in a process without one."""
    if work is None:
        raise ModelFailed("this process does no work on files")
    return work
