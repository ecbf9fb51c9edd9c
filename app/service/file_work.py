"""Fit, predict and score of models whose input is a file: the checks before the work, and the work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from app.data.file_types import ZIP
from app.data.zip_files import unpack
from app.errors import Invalid, ModelFailed, UnsupportedMediaType
from app.model.file_estimators import FileEstimator, FittedFileModel
from app.model.files import InputFile
from app.schemas.pointers import escaped
from app.schemas.requests import FileInput, Request, Work
from app.schemas.verbs import Verb
from app.service.fitting import FitSpec
from app.service.libraries import libraries
from app.service.model_calls import fault, finite, refusal, save_model
from app.service.publishing import publish
from app.service.restoring import as_read
from app.service.result_files import ResultFiles
from app.service.sources import check_params
from app.storage.manifest import Manifest, Schema
from app.storage.model_store import Store
from app.storage.payload_store import Payloads
from app.telemetry.context import REQUEST

FILE = "/file"
"""The pointer to the file of a request."""


class FileWork:
    """Does the work of file models over files in the store."""

    def __init__(self, store: Store, payloads: Payloads, results: ResultFiles) -> None:
        self._store = store
        self._payloads = payloads
        self._results = results

    def fit(self, estimator: FileEstimator, spec: FitSpec) -> tuple[int, dict[str, Any]]:
        """Fit to the files of the work, and publish; raise Invalid, ModelFailed, Unavailable or Damaged."""
        work, data = spec.work, spec.work.data
        with self._unpacked(data) as folder:
            try:
                model = estimator.fit_files(work.params, folder)
                metrics = finite(model.instance.fit_metrics())
            except ValueError as error:
                raise refusal(error, FILE) from error
        stored = save_model(model)
        try:
            estimator.load(as_read(stored))
        except Exception as error:  # anybody's code
            raise fault(model, f"restored from what is stored, the model raised {type(error).__name__}") from error
        sha256 = data.reference.rpartition(":")[2] if isinstance(data, FileInput) else ""
        manifest = Manifest(
            model=work.model,
            estimator=estimator.source,
            estimator_name=estimator.name,
            task=estimator.task,
            outputs=[],
            params=work.params,
            schema=Schema([], [], vector=True),
            terms=[],
            metrics=metrics,
            data={"origin": {"source": "file" if sha256 else "none"}, "rows": 0, "sha256": sha256},
            libraries=libraries(estimator.modules),
            created=datetime.fromtimestamp(spec.created_s, UTC),
            job=spec.job,
            by=REQUEST.get().key_name,
            format=estimator.format,
            stacks="no",
            held_bytes=model.held_bytes(),
            learned=stored.learned,
        )
        version = publish(self._store, manifest, stored.files, spec.permit).version
        return version, {"version": version, "terms": [], "coefficients": [], "metrics": metrics, "warnings": []}

    def predict(self, model: FittedFileModel, works: Sequence[Work]) -> list[dict[str, Any]]:
        """Return the result of each work, those with the same options in one call; raise as a model's call does."""
        found: dict[int, dict[str, Any]] = {}
        groups: dict[bytes, list[int]] = {}
        for index, work in enumerate(works):
            groups.setdefault(msgspec.json.encode(work.params, order="sorted"), []).append(index)
        for indices in groups.values():
            inputs = [works[index].data for index in indices]
            files = [self._input(each) for each in inputs if isinstance(each, FileInput)]
            results = _predict(model, files, works[indices[0]].params)
            for index, data, result in zip(indices, inputs, results, strict=True):
                found[index] = self._results.kept(result, data.id if isinstance(data, FileInput) else "")
        return [found[index] for index in range(len(works))]

    def score(self, model: FittedFileModel, data: object) -> dict[str, Any]:
        """Return what a model says of how well it does on the files of a zip file."""
        with self._unpacked(data) as folder:
            if folder is None:
                raise Invalid.at(FILE, "a score needs a zip file")
            try:
                found = model.instance.score(folder)
            except ValueError as error:
                raise refusal(error, FILE) from error
        return finite(found)

    def _input(self, data: FileInput) -> InputFile:
        return InputFile(self._payloads.path(data.reference), data.name, data.media_type)

    @contextmanager
    def _unpacked(self, data: object) -> Iterator[Path | None]:
        """Give a folder with the files of a zip file, which is removed afterwards; None where there is none."""
        if not isinstance(data, FileInput):
            yield None
            return
        path = self._payloads.path(data.reference)
        with self._payloads.scratch("files") as folder:
            unpack(path, folder, FILE)
            yield folder


def check_file(estimator: FileEstimator, verb: Verb, file: FileInput) -> None:
    """Raise UnsupportedMediaType for a file that a verb of the model does not take, Invalid for an empty one."""
    if file.reference.split(":")[1] == "0":
        raise Invalid.at(FILE, "the file is empty")
    accepted = estimator.kind.media_types if verb == "predict" else (ZIP,)
    if file.media_type not in accepted:
        found = f"by its first bytes the file is {file.media_type}"
        raise UnsupportedMediaType.at(FILE, f"{found}; the model {estimator.name!r} takes {', '.join(accepted)}")


def check_options(estimator: FileEstimator, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a prediction, those of a query by the types they have; raise Invalid."""
    options = estimator.kind.options()
    lists = {field.name for field in msgspec.structs.fields(options) if "list" in str(field.type)}
    typed = {
        name: value.split(",") if name in lists and isinstance(value, str) else value for name, value in given.items()
    }
    return check_params(options, typed, "", strict=False)


def check_no_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Raise Invalid for options of a verb that has none."""
    for name in given:
        raise Invalid.at(escaped(name), "unknown query parameter")
    return {}


def check_no_rows(estimator: FileEstimator, request: Request) -> None:
    """Raise Invalid for a request with rows, or with what goes with rows."""
    given = {
        "/data": request.data is not None or request.source is not None,
        "/target": bool(request.target),
        "/inputs": request.inputs is not None,
        "/weight": request.weight is not None,
        "/promote": request.promote is not None,
    }
    for pointer in (pointer for pointer, is_given in given.items() if is_given):
        raise Invalid.at(pointer, f"the model {estimator.name!r} takes files, not rows")


def _predict(model: FittedFileModel, files: Sequence[InputFile], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    checked = msgspec.convert(options, model.instance.options())
    named = {field: getattr(checked, field) for field in checked.__struct_fields__}
    predict: Any = model.instance.predict
    try:
        results = predict(files, **named)
    except ValueError as error:
        raise refusal(error, FILE) from error
    if not isinstance(results, list) or not all(isinstance(each, dict) for each in results):
        raise fault(model, "predict returned something other than a list of dicts")
    if len(results) != len(files):
        raise fault(model, f"predict returned {len(results)} results for {len(files)} files")
    return results


def require_file_work(work: FileWork | None) -> FileWork:
    """Return what does the work of file models; raise ModelFailed in a process without it."""
    if work is None:
        raise ModelFailed("this process does no work on files")
    return work
