"""The client's exceptions: one class for each kind of problem document (RFC 9457), named as in the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from app.errors import Fault

URN = "urn:trinity:"
BUSY = frozenset({429, 503})


class TrinityError(Exception):
    """Base of all. `detail` is a sentence, `kind` the problem's type, `status` the HTTP status or None without one.

    `faults` are the bad values; `job_id` is the failed job, if there was one.
    """

    kind: ClassVar[str] = ""

    def __init_subclass__(cls, kind: str = "") -> None:
        """Set the kind of a class; without it, the class has the kind of its base."""
        cls.kind = kind or cls.kind

    def __init__(
        self, detail: str, status: int | None = None, faults: list[Fault] | None = None, job_id: str | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.faults = faults or []
        self.job_id = job_id

    @property
    def pointers(self) -> list[str]:
        """The JSON pointers to the bad values of the request."""
        return [fault.pointer for fault in self.faults]


class Malformed(TrinityError, ValueError, kind="malformed"):
    """The service could not parse the request."""


class Invalid(TrinityError, ValueError, kind="invalid"):
    """A value in the request is wrong: a parameter, a shape, a number, a column."""


class Unauthenticated(TrinityError, kind="unauthenticated"):
    """The service needs a key, or does not accept this key."""


class Forbidden(TrinityError, kind="forbidden"):
    """The key does not have the scope for this call."""


class NotFound(TrinityError, LookupError, kind="not-found"):
    """The model, version or job does not exist; sync mode has no jobs."""


class NotFitted(TrinityError, ValueError, AttributeError, kind="not-fitted"):
    """The model exists but has not been fitted. It has the bases of scikit-learn's NotFittedError."""


class Conflict(TrinityError, kind="conflict"):
    """The job's state does not allow the call."""


class Gone(TrinityError, LookupError, kind="gone"):
    """The job has expired."""


class Cancelled(TrinityError, kind="cancelled"):
    """The job was cancelled."""


class TooLarge(TrinityError, ValueError, kind="too-large"):
    """The request is larger than the service allows."""


class ModelFailed(TrinityError, kind="model-failed"):
    """The model's code raised an exception."""


class WorkerLost(TrinityError, kind="worker-lost"):
    """The worker process died at every attempt."""


class TimedOut(TrinityError, TimeoutError, kind="timeout"):
    """The job took longer than its timeout."""


class Refused(TrinityError):
    """The service was too busy or partly unavailable (429, 503) at every try."""


class Unreachable(TrinityError, ConnectionError):
    """The service did not respond at any try."""


class DeadlineExceeded(TrinityError, TimeoutError):
    """The client's timeout ended before the job; the job, `job_id`, continues."""


_KINDS = {kind.kind: kind for kind in TrinityError.__subclasses__() if kind.kind}


def error_from_problem(document: Mapping[str, Any], job_id: str | None = None) -> TrinityError:
    """Return the exception for a problem document."""
    name, status = str(document.get("type", "")), document.get("status")
    fallback = Refused if status in BUSY else TrinityError
    errors = document.get("errors")
    listed = [each for each in errors if isinstance(each, Mapping)] if isinstance(errors, list) else []
    faults = [Fault(str(each.get("pointer", "")), str(each.get("detail", ""))) for each in listed]
    detail = str(document.get("detail") or document.get("title") or f"the service responded with status {status}")
    return _KINDS.get(name.removeprefix(URN), fallback)(detail, status, faults, job_id)
