"""The client's exceptions: those of the service, many of them also of the built-in class that Python callers catch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import app.errors as service
from app.errors import (
    Cancelled,
    Conflict,
    Damaged,
    Fault,
    Forbidden,
    ModelFailed,
    TrinityError,
    Unauthenticated,
    WorkerLost,
)

URN = "urn:trinity:"
BUSY = frozenset({429, 503})
_ROW_STEP = re.compile(r"(?<=^/data/X/)\d+")
_ROW = re.compile(r"(?<=\brow )\d+(?=, column )")


class Malformed(service.Malformed, ValueError):
    """The service could not parse the request."""


class Invalid(service.Invalid, ValueError):
    """A value in the request is wrong: a parameter, a shape, a number, a column."""

    def after(self, rows: int) -> Invalid:
        """Return the error with row numbers in the whole X, if `rows` rows were sent before these."""
        if not rows:
            return self

        def count(found: re.Match[str]) -> str:
            return str(int(found[0]) + rows)

        faults = [Fault(_ROW_STEP.sub(count, each.pointer), _ROW.sub(count, each.detail)) for each in self.faults]
        return Invalid(_ROW.sub(count, self.detail), *faults, status=self.status, job_id=self.job_id)


class NotFound(service.NotFound, LookupError):
    """The model, version or job does not exist; sync mode has no jobs."""


class NotFitted(service.NotFitted, ValueError, AttributeError):
    """The model exists but has not been fitted. It has the bases of scikit-learn's NotFittedError."""


class Gone(service.Gone, LookupError):
    """The job has expired."""


class TooLarge(service.TooLarge, ValueError):
    """The request is larger than the service allows."""


class TimedOut(service.TimedOut, TimeoutError):
    """The job took longer than its timeout."""


class Refused(TrinityError, kind="refused"):
    """The service was too busy or partly unavailable (429, 503) at every try."""


class Unreachable(TrinityError, ConnectionError, kind="unreachable"):
    """The service did not respond at any try."""


class DeadlineExceeded(TrinityError, TimeoutError, kind="deadline-exceeded"):
    """The client's timeout ended before the job; the job, `job_id`, continues."""


_KINDS: dict[str, type[TrinityError]] = {
    error.kind: error
    for error in (
        *(Malformed, Invalid, NotFound, NotFitted, Gone, TooLarge, TimedOut),
        *(Unauthenticated, Forbidden, Conflict, Cancelled, Damaged, ModelFailed, WorkerLost),
    )
}


def error_from_problem(document: Mapping[str, Any], job_id: str | None = None) -> TrinityError:
    """Return the exception for a problem document."""
    name, status = str(document.get("type", "")), document.get("status")
    fallback = Refused if status in BUSY else TrinityError
    errors = document.get("errors")
    listed = [each for each in errors if isinstance(each, Mapping)] if isinstance(errors, list) else []
    faults = [Fault(str(each.get("pointer", "")), str(each.get("detail", ""))) for each in listed]
    detail = str(document.get("detail") or document.get("title") or f"the service responded with status {status}")
    return _KINDS.get(name.removeprefix(URN), fallback)(detail, *faults, status=status, job_id=job_id)
