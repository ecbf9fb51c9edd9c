"""The code of a check's child process: it finds the model again, so that no check affects another."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import msgspec

from app.errors import Invalid, ModelFailed, TrinityError, UnsupportedMediaType
from app.model.file_estimators import FileEstimator
from app.schemas.decoding import convert
from app.schemas.wording import counted
from app.service.contract.checks import CHECKS
from app.service.contract.file_case import file_case
from app.service.contract.file_checks import FILE_CHECKS
from app.service.contract.findings import Description, Finding
from app.service.contract.subject import Case, Subject, loaded
from app.service.file_work import FILE
from app.service.model_calls import check_estimator
from app.service.sources import check_params
from app.settings import SettingsError

LIBRARIES = ("sklearn", "pandas", "skops.io", "xgboost", "lightgbm")
MODEL_ADVICE = "mend the model; docs/models.md says what the service asks of it"
SIGNATURES = (
    "the signature of __init__, and that of predict for files, has types, limits and defaults; "
    "--params sets parameters without a default"
)
RESTORE_ADVICE = (
    "look at what predict uses: fit has to leave it in attributes that end in _, as arrays or plain values, "
    "or prepare() has to make it again from these; then docs/models.md"
)
ROWS_ADVICE = "if the model needs other rows than those of the dummy source, name a file: --data FILE --target COLUMN"
FILES_ADVICE = "name files that the model takes: --file ZIP (or a folder) for its fit, --file FILE for its predict"


def describe(subject: dict[str, Any]) -> dict[str, Any]:
    """Find the model and check its parameters; raise TrinityError if it cannot be found."""
    wanted = convert(subject, Subject)
    try:
        estimator = wanted.find()
    except SettingsError as error:
        raise ModelFailed(str(error)) from error
    try:
        params = estimator.parameters()
        msgspec.json.schema(params)
        check_estimator(estimator, check_params(params, wanted.params, "/params"))
        count = len(msgspec.structs.fields(params))
        finding = Finding("parameters", "ok", counted(count, "parameter"))
        if estimator.files is not None:
            msgspec.json.schema(estimator.files.options())
    except Exception as error:  # noqa: BLE001  anybody's code
        advice = SIGNATURES
        finding = failed("parameters", error, advice)
    kind = estimator.files
    libraries = [*loaded(LIBRARIES), *(() if kind is None else kind.preload)]
    checks = [*(CHECKS if kind is None else FILE_CHECKS)]
    found = Description(estimator.name, estimator.task, estimator.source, finding, checks, kind is not None, libraries)
    built: dict[str, Any] = msgspec.to_builtins(found)
    return built


def run_check(check: str, subject: dict[str, Any], scratch: str) -> list[dict[str, Any]]:
    """Run one check and return its findings; the files that it needs are in the folder `scratch`."""
    wanted = convert(subject, Subject)
    try:
        findings = _run(check, wanted, Path(scratch))
    except Exception as error:  # noqa: BLE001  anybody's code
        findings = [failed(check, error, _advice(check, error, wanted))]
    built: list[dict[str, Any]] = msgspec.to_builtins(findings)
    return built


def _run(check: str, wanted: Subject, scratch: Path) -> list[Finding]:
    estimator = wanted.find()
    if isinstance(estimator, FileEstimator):
        with file_case(wanted, estimator, scratch) as case:
            return FILE_CHECKS[check](case)
    return CHECKS[check](Case.of(wanted, estimator))


def _advice(check: str, error: Exception, wanted: Subject) -> str:
    if isinstance(error, Invalid | UnsupportedMediaType):
        if FILE in error.pointers:
            return FILES_ADVICE
        if not wanted.rows:
            return ROWS_ADVICE
    return RESTORE_ADVICE if check == "restore" else MODEL_ADVICE


def failed(check: str, error: Exception, advice: str) -> Finding:
    """Return the finding for an error, with the location in the model's code where it was raised."""
    if isinstance(error, TrinityError):
        pointers = [pointer for pointer in error.pointers if pointer not in {"/data", "/params", FILE}]
        return Finding(check, "failed", error.detail + (f" (at {', '.join(pointers)})" if pointers else ""), advice)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    words = f"raised {type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"
    return Finding(check, "failed", words, advice)
