"""The errors of the service. Only app/schemas/problems.py knows the HTTP status of each kind."""

from __future__ import annotations

from typing import ClassVar, Self

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One bad value of a request: `pointer` (RFC 6901) leads to it, `detail` says what is wrong."""

    pointer: str
    detail: str


class Failure(msgspec.Struct, frozen=True):
    """An error as a job stores it: `kind` as in TrinityError, `detail` for the caller."""

    kind: str
    detail: str
    errors: list[Fault] = []


class TrinityError(Exception):
    """Base of all errors that callers see; `kind` names the error in problem documents and in the ledger."""

    kind: ClassVar[str] = "internal-error"

    def __init__(self, detail: str, *faults: Fault) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = list(faults)

    @classmethod
    def at(cls, pointer: str, detail: str) -> Self:
        """Build the error for one bad value."""
        return cls(detail, Fault(pointer, detail))

    def failure(self) -> Failure:
        """Return this error as a job stores it."""
        return Failure(self.kind, self.detail, self.faults)


class Malformed(TrinityError):
    """The body cannot be parsed: it is not JSON, not CSV, not UTF-8."""

    kind = "malformed"


class Invalid(TrinityError):
    """The request is well formed, but a value in it is wrong."""

    kind = "invalid"


class Unauthenticated(TrinityError):
    """The request has no API key, or an unknown one."""

    kind = "unauthenticated"


class Forbidden(TrinityError):
    """The API key does not have the scope that the request needs."""

    kind = "forbidden"


class NotFound(TrinityError):
    """There is no such route, model, version or job."""

    kind = "not-found"


class NotFitted(TrinityError):
    """The model has no version yet: it was never fitted."""

    kind = "not-fitted"


class TooLarge(TrinityError):
    """The body is larger than the limit."""

    kind = "too-large"


class TooSlow(TrinityError):
    """For too long nothing of the body arrived."""

    kind = "too-slow"


class UnsupportedMediaType(TrinityError):
    """No reader takes this content type."""

    kind = "unsupported-media-type"


class UnsupportedEncoding(UnsupportedMediaType):
    """The body has a content encoding, such as gzip; the service decodes none."""


class ModelFailed(TrinityError):
    """The model's own code failed, or did not do what the contract of models says."""

    kind = "model-failed"


class Damaged(TrinityError):
    """A file or a reference of a job has changed since it was written."""

    kind = "damaged"


class WorkerLost(TrinityError):
    """The process that did the work died, in each of its attempts."""

    kind = "worker-lost"


class TimedOut(TrinityError):
    """The work took longer than its timeout."""

    kind = "timeout"


class Cancelled(TrinityError):
    """The job was cancelled before it was done."""

    kind = "cancelled"


class Superseded(TrinityError):
    """Another process has taken the job over; the result of this one is discarded."""

    kind = "superseded"


class Gone(TrinityError):
    """It was there, but has expired."""

    kind = "gone"


class Conflict(TrinityError):
    """Its state does not allow the request."""

    kind = "conflict"


class Retriable(TrinityError):
    """The same request may succeed after `retry_after_s` seconds."""

    retry_after_s: int = 1


class Busy(Retriable):
    """This process is at a limit: of running fits, of bytes held, or of jobs that wait to be committed."""

    kind = "busy"


class NotInTime(Retriable):
    """The response cannot wait any longer for the end of the work."""

    kind = "timeout"


class QueueFull(Retriable):
    """The queue is full."""

    kind = "queue-full"
    retry_after_s = 5


class Unavailable(Retriable):
    """A part of the service (ledger, broker, store) does not answer."""

    kind = "unavailable"
    retry_after_s = 2
