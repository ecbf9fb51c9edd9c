"""Checks whether a model prints: its output would be in the log of each process, at every call."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO

from app.service.contract.findings import Finding
from app.service.contract.model_case import ModelCase

LOG = (
    "take it out, or use the module logging: the service predicts often and in many processes, "
    "each writes it between the lines of its log, and data that it shows stay there"
)
MAX_CHARACTERS = 80


def check_printing(case: ModelCase) -> list[Finding]:
    """Fit and predict, and see what is written to the standard output."""
    with redirect_stdout(StringIO()) as by_fit:
        model = case.fitted()
    with redirect_stdout(StringIO()) as by_predict:
        case.predict(model)
    printed = {"fit": by_fit.getvalue(), "predict": by_predict.getvalue()}
    by = [name for name, text in printed.items() if text]
    if not by:
        return [Finding("printing", "ok", "fit and predict print nothing")]
    line = next(filter(str.strip, "".join(printed.values()).splitlines()), "")[:MAX_CHARACTERS]
    return [Finding("printing", "warning", f"{' and '.join(by)} print{'s' if len(by) == 1 else ''} {line!r}", LOG)]
