"""The code of a check's child process: it finds the model again, so that no check affects another."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import msgspec

from app.errors import Invalid, ModelFailed, TrinityError
from app.schemas.decoding import convert
from app.schemas.wording import counted
from app.service.contract.checks import CHECKS
from app.service.contract.findings import Description, Finding
from app.service.contract.subject import Case, Subject, loaded
from app.service.model_calls import check_estimator
from app.service.sources import check_params
from app.settings import SettingsError

LIBRARIES = ("sklearn", "pandas", "skops.io", "xgboost", "lightgbm")
MODEL_ADVICE = "mend the model; docs/models.md says what the service asks of it"
RESTORE_ADVICE = (
    "look at what predict uses: fit has to leave it in attributes that end in _, as arrays or plain values, "
    "or prepare() has to make it again from these; then docs/models.md"
)
ROWS_ADVICE = "if the model needs other rows than those of the dummy source, name a file: --data FILE --target COLUMN"


def describe(subject: dict[str, Any]) -> dict[str, Any]:
    """Find the model and check its parameters; raise TrinityError if it cannot be found."""
    wanted = convert(subject, Subject)
    try:
        estimator = wanted.find()
    except SettingsError as error:
        raise ModelFailed(str(error)) from error
    try:
        kind = estimator.parameters()
        msgspec.json.schema(kind)
        check_estimator(estimator, check_params(kind, wanted.params, "/params"))
        count = len(msgspec.structs.fields(kind))
        finding = Finding("parameters", "ok", counted(count, "parameter"))
    except Exception as error:  # noqa: BLE001  anybody's code
        advice = "the signature of __init__ has types, limits and defaults; --params sets parameters without a default"
        finding = failed("parameters", error, advice)
    found = Description(estimator.name, estimator.task, estimator.source, finding, loaded(LIBRARIES))
    built: dict[str, Any] = msgspec.to_builtins(found)
    return built


def run_check(check: str, subject: dict[str, Any]) -> list[dict[str, Any]]:
    """Run one check and return its findings."""
    wanted = convert(subject, Subject)
    try:
        findings = CHECKS[check](Case.of(wanted))
    except Exception as error:  # noqa: BLE001  anybody's code
        advice = RESTORE_ADVICE if check == "restore" else MODEL_ADVICE
        advice = ROWS_ADVICE if isinstance(error, Invalid) and not wanted.rows else advice
        findings = [failed(check, error, advice)]
    built: list[dict[str, Any]] = msgspec.to_builtins(findings)
    return built


def failed(check: str, error: Exception, advice: str) -> Finding:
    """Return the finding for an error, with the location in the model's code where it was raised."""
    if isinstance(error, TrinityError):
        pointers = [pointer for pointer in error.pointers if pointer not in {"/data", "/params"}]
        return Finding(check, "failed", error.detail + (f" (at {', '.join(pointers)})" if pointers else ""), advice)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    words = f"raised {type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"
    return Finding(check, "failed", words, advice)
