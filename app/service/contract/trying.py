"""A call with bad input, which a model refuses by a ValueError."""

from __future__ import annotations

from collections.abc import Callable

from app.errors import Invalid, UnsupportedMediaType
from app.service.contract.findings import Finding

MEND = "raise ValueError for data that cannot be used: callers then get its words, and no failure"
UNSAID = "give the ValueError a text that says what is wrong: callers get it"


def tried(check: str, call: Callable[[], object], done: str, unreached: str = "") -> Finding:
    """Return the finding of a call with bad input, which a model refuses by a ValueError.

    `unreached` is the reason why requests cannot make this call; the finding is then at most a warning.
    """
    try:
        call()
    except Exception as error:  # noqa: BLE001  anybody's code
        if is_refusal(error):
            if not str(error):
                return Finding(check, "warning", "refused without a word", UNSAID)
            return Finding(check, "ok", f"refused: {first_line(error)}")
        raised = f"raised {type(error).__name__}: {first_line(error)}"
        return Finding(check, "warning" if unreached else "failed", raised, unreached or MEND)
    return Finding(check, "ok", done, unreached)


def is_refusal(error: Exception) -> bool:
    """Return whether callers get the words of an error: it is of the service, or a ValueError of the model."""
    return isinstance(error, ValueError | Invalid | UnsupportedMediaType) or isinstance(error.__cause__, ValueError)


def first_line(error: Exception) -> str:
    """Return the first line of an error's text."""
    return (str(error).splitlines() or [""])[0][:200]
