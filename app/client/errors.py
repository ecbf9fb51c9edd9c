"""What can go wrong, one class for each kind of problem document (RFC 9457); the names are those of the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

URN = "urn:trinity:"


class Fault(NamedTuple):
    """One bad value: `pointer` (RFC 6901) leads to it in the request, `detail` says what is wrong."""

    pointer: str
    detail: str


class TrinityError(Exception):
    """Base of all. `detail`: words for people; `kind`: the problem's name; `status`: of HTTP, None without an answer.

    `faults` are the bad values, `job_id` the job that ended so, where there is one.
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
    """The request can't be read at all."""

    kind = "malformed"


class Invalid(TrinityError, ValueError):
    """A value in the request is wrong: a parameter, a shape, a number, a column."""

    kind = "invalid"


class Unauthenticated(TrinityError):
    """The service wants a key, or doesn't know this one."""

    kind = "unauthenticated"


class Forbidden(TrinityError):
    """The key isn't for this."""

    kind = "forbidden"


class NotFound(TrinityError, LookupError):
    """There is no such model, version or job; sync mode has no jobs at all."""

    kind = "not-found"


class NotFitted(TrinityError, ValueError, AttributeError):
    """The model is known, but nothing has been fitted yet. The bases are those of scikit-learn's NotFittedError."""

    kind = "not-fitted"


class Conflict(TrinityError):
    """The job is in a state that doesn't allow what was asked."""

    kind = "conflict"


class Gone(TrinityError, LookupError):
    """The job was there once and is kept no longer."""

    kind = "gone"


class Cancelled(TrinityError):
    """The job was called off."""

    kind = "cancelled"


class TooLarge(TrinityError, ValueError):
    """The request is over the service's limit."""

    kind = "too-large"


class ModelFailed(TrinityError):
    """The model's own code failed."""

    kind = "model-failed"


class WorkerLost(TrinityError):
    """The process that did the work died, each time it was tried."""

    kind = "worker-lost"


class TimedOut(TrinityError, TimeoutError):
    """The job took longer than its own timeout allows."""

    kind = "timeout"


class Refused(TrinityError):
    """The service was too busy or a part of it away (429, 503) for as long as the client tried."""


class Unreachable(TrinityError, ConnectionError):
    """No answer came over the network for as long as the client tried."""


class DeadlineExceeded(TrinityError, TimeoutError):
    """The client's time was up before the job ended; the job goes on, `job_id` says which."""


_KINDS = {kind.kind: kind for kind in TrinityError.__subclasses__() if kind.kind}
_RETRIABLE = {429, 503}


def of(document: Mapping[str, Any], job_id: str | None = None) -> TrinityError:
    """Make the error that a problem document tells of."""
    name, status = str(document.get("type", "")), document.get("status")
    fallback = Refused if status in _RETRIABLE else TrinityError
    errors = document.get("errors")
    listed = [each for each in errors if isinstance(each, Mapping)] if isinstance(errors, list) else []
    faults = [Fault(str(each.get("pointer", "")), str(each.get("detail", ""))) for each in listed]
    detail = str(document.get("detail") or document.get("title") or f"the service answered {status}")
    return _KINDS.get(name.removeprefix(URN), fallback)(detail, status, faults, job_id)
