"""The client's exceptions: one class for each kind of problem document (RFC 9457), named as in the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

URN = "urn:trinity:"


class Fault(NamedTuple):
    """One bad value: `pointer` (RFC 6901) is its place in the request, `detail` the problem."""

    pointer: str
    detail: str


class TrinityError(Exception):
    """Base of all. `detail` is a sentence, `kind` the problem's type, `status` the HTTP status or None without one.

    `faults` are the bad values; `job_id` is the failed job, if there was one.
    """

    kind: ClassVar[str] = ""

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


class Malformed(TrinityError, ValueError):
    """The service could not parse the request."""

    kind = "malformed"


class Invalid(TrinityError, ValueError):
    """A value in the request is wrong: a parameter, a shape, a number, a column."""

    kind = "invalid"


class Unauthenticated(TrinityError):
    """The service needs a key, or does not accept this key."""

    kind = "unauthenticated"


class Forbidden(TrinityError):
    """The key does not have the scope for this call."""

    kind = "forbidden"


class NotFound(TrinityError, LookupError):
    """The model, version or job does not exist; sync mode has no jobs."""

    kind = "not-found"


class NotFitted(TrinityError, ValueError, AttributeError):
    """The model exists but has not been fitted. It has the bases of scikit-learn's NotFittedError."""

    kind = "not-fitted"


class Conflict(TrinityError):
    """The job's state does not allow the call."""

    kind = "conflict"


class Gone(TrinityError, LookupError):
    """The job has expired."""

    kind = "gone"


class Cancelled(TrinityError):
    """The job was cancelled."""

    kind = "cancelled"


class TooLarge(TrinityError, ValueError):
    """The request is larger than the service allows."""

    kind = "too-large"


class ModelFailed(TrinityError):
    """The model's code raised an exception."""

    kind = "model-failed"


class WorkerLost(TrinityError):
    """The worker process died at every attempt."""

    kind = "worker-lost"


class TimedOut(TrinityError, TimeoutError):
    """The job took longer than its timeout."""

    kind = "timeout"


class Refused(TrinityError):
    """The service was too busy or partly unavailable (429, 503) at every try."""


class Unreachable(TrinityError, ConnectionError):
    """The service did not respond at any try."""


class DeadlineExceeded(TrinityError, TimeoutError):
    """The client's timeout ended before the job; the job, `job_id`, continues."""


_KINDS = {kind.kind: kind for kind in TrinityError.__subclasses__() if kind.kind}
_RETRIABLE = {429, 503}


def error_from_problem(document: Mapping[str, Any], job_id: str | None = None) -> TrinityError:
    """Return the exception for a problem document."""
    name, status = str(document.get("type", "")), document.get("status")
    fallback = Refused if status in _RETRIABLE else TrinityError
    errors = document.get("errors")
    listed = [each for each in errors if isinstance(each, Mapping)] if isinstance(errors, list) else []
    faults = [Fault(str(each.get("pointer", "")), str(each.get("detail", ""))) for each in listed]
    detail = str(document.get("detail") or document.get("title") or f"the service responded with status {status}")
    return _KINDS.get(name.removeprefix(URN), fallback)(detail, status, faults, job_id)
