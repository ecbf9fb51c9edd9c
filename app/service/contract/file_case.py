"""A model whose input is a file, and the files for its checks, which are in a store as those of requests are."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from app.data.file_types import ZIP, media_type_of
from app.errors import Invalid, ModelFailed
from app.model.estimator import FittedModel
from app.model.file_estimators import FileEstimator, FittedFileModel
from app.model.isolated_files import IsolatedFiles
from app.model.isolation.environment import module_environment
from app.model.isolation.isolated_calls import CallLimits, IsolatedCalls
from app.schemas.file_names import file_name
from app.schemas.ids import new_id
from app.schemas.requests import FileInput
from app.service.checked_files import CheckedFiles, some_files
from app.service.contract.subject import Subject
from app.service.file_work import FILE, check_file, check_options, fit_files, input_file, predict_files, unpacked
from app.service.isolated_restoring import CHILD, IsolatedRestoring
from app.service.model_calls import Fit, check_estimator
from app.service.restoring import Restore
from app.service.result_files import ResultFiles
from app.service.sources import check_params
from app.storage.payload_store import KEPT, UPLOAD, Payloads

JOB = "check"
MAX_RESULT_BYTES = 1024**3
LIMITS = CallLimits(memory_bytes=2048 * 1024**2, time_s=60.0, file_bytes=1024**3)
"""Of a restore; those of its check are over it."""


class FileCase(NamedTuple):
    """An estimator with parameters, the folder to fit it to, and files to predict."""

    estimator: FileEstimator
    params: dict[str, Any]
    payloads: Payloads
    folder: Path | None
    given: Sequence[FileInput]
    restore: Restore
    """As in a service: in another process, which has nothing of the fit but what is stored."""

    def fit(self) -> FittedFileModel:
        """Return a model that is fitted to the folder; raise Invalid, or anything else."""
        return _file_model(self.fit_aloud().model)

    def fitted(self) -> FittedFileModel:
        """Do as `fit`."""
        return self.fit()

    def fit_aloud(self) -> Fit:
        """Do as `fit`, and also return the model's warnings."""
        return fit_files(self.estimator, self.params, self.folder, FILE)

    def served(self) -> FittedFileModel:
        """Do as `fit`; the model's calls have processes of their own if its class asks for these."""
        model, kind = self.fit(), self.estimator.kind
        if kind.isolated is None:
            return model
        return FittedFileModel(model.instance, IsolatedFiles(kind, kind.isolated, self.payloads.scratch))

    def files(self, model: FittedModel) -> Sequence[FileInput]:
        """Return the files to predict: those that were given, or the first ones of the folder that the model takes."""
        if self.given:
            return self.given
        found = some_files(model, self.folder, within_s=math.inf).files
        return [_sent(self.payloads, each.path) for each in found]

    def predict(self, model: FittedModel) -> list[dict[str, Any]]:
        """Return the result for each file, from a call of its own."""
        return [result for each in self.files(model) for result in self.predict_together(model, [each])]

    def predict_together(self, model: FittedModel, files: Sequence[FileInput]) -> list[dict[str, Any]]:
        """Return the results of one call as callers get them; raise as a service does."""
        inputs = [input_file(self.payloads, each) for each in files]
        results = predict_files(_file_model(model), inputs, check_options(self.estimator.kind, {}), FILE)
        kept = ResultFiles(self.payloads, KEPT, MAX_RESULT_BYTES)
        return [kept.kept(each, JOB) for each in results]

    def send(self, model: FittedModel, file: FileInput) -> list[dict[str, Any]]:
        """Check a file as on arrival, and predict it."""
        check_file(self.estimator.kind, "predict", file)
        return self.predict_together(model, [file])

    def checked(self, model: FittedModel) -> CheckedFiles:
        """Return the files to predict."""
        return CheckedFiles([input_file(self.payloads, each) for each in self.files(model)])

    def put(self, name: str, content: bytes) -> FileInput:
        """Put a file into the store."""
        upload = new_id()
        reference = self.payloads.put(f"{upload}{UPLOAD}", content)
        return FileInput(upload, reference, name, media_type_of(content, name))


@contextmanager
def file_case(subject: Subject, estimator: FileEstimator, scratch: Path) -> Iterator[FileCase]:
    """Give the case of a subject; raise Invalid or UnsupportedMediaType for files that its requests could not have.

    Its files are in a store in the folder `scratch`.
    """
    if subject.rows:
        raise Invalid.at(FILE, f"the model {estimator.name!r} takes files, not rows")
    params = check_params(estimator.parameters(), subject.params, "/params")
    check_estimator(estimator, params)
    payloads = Payloads(scratch)
    sent = [_sent(payloads, Path(path)) for path in subject.files]
    archives = [each for each in sent if each.media_type == ZIP]
    if len(archives) > 1:
        raise Invalid.at(FILE, "a fit takes one zip file or folder")
    given = [each for each in sent if each.media_type != ZIP]
    for each in given:
        check_file(estimator.kind, "predict", each)
    with unpacked(payloads, next(iter(archives), None)) as folder, _restoring(subject, payloads) as restore:
        yield FileCase(estimator, params, payloads, folder, given, restore)


@contextmanager
def _restoring(subject: Subject, payloads: Payloads) -> Iterator[IsolatedRestoring]:
    calls = IsolatedCalls(LIMITS, environment=module_environment(os.environ), needed=[CHILD, *subject.modules])
    try:
        yield IsolatedRestoring(
            payloads, calls, calls, modules=subject.modules, trusted=subject.trusted_types, approved=()
        )
    finally:
        calls.close()


def _sent(payloads: Payloads, path: Path) -> FileInput:
    """Copy a file into the store, a folder as a zip file."""
    if path.is_dir():
        with payloads.scratch("zip") as folder:
            return _sent(payloads, Path(shutil.make_archive(str(folder / path.name), "zip", path)))
    upload, name = new_id(), file_name(path.name)
    copied = payloads.copy(f"{upload}{UPLOAD}", path)
    return FileInput(upload, copied.reference, name, media_type_of(copied.head, name))


def _file_model(model: FittedModel) -> FittedFileModel:
    if not isinstance(model, FittedFileModel):
        raise ModelFailed("the model takes rows, not files")
    return model
