"""The errors of the service and its clients. app/schemas/problems.py has the HTTP status of each kind."""

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
    """Base of all errors that callers see; `kind` names the error in problem documents and in the ledger.

    `faults` are the bad values. The client sets `status`, the HTTP status if there was a response, and `job_id`, the
    failed job if there was one.
    """

    kind: ClassVar[str] = "internal-error"

    def __init_subclass__(cls, kind: str = "") -> None:
        """Set the kind of a class; without it, the class has the kind of its base."""
        cls.kind = kind or cls.kind

    def __init__(self, detail: str, *faults: Fault, status: int | None = None, job_id: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = list(faults)
        self.status = status
        self.job_id = job_id

    @classmethod
    def at(cls, pointer: str, detail: str) -> Self:
        """Build the error for one bad value."""
        return cls(detail, Fault(pointer, detail))

    @property
    def pointers(self) -> list[str]:
        """The JSON pointers to the bad values."""
        return [fault.pointer for fault in self.faults]

    def failure(self) -> Failure:
        """Return this error as a job stores it."""
        return Failure(self.kind, self.detail, self.faults)


class Malformed(TrinityError, kind="malformed"):
    """The body cannot be parsed: it is not JSON, not CSV, not UTF-8."""


class Invalid(TrinityError, kind="invalid"):
    """The request is well formed, but a value in it is wrong."""


class Unauthenticated(TrinityError, kind="unauthenticated"):
    """The request has no API key, or an unknown one."""


class Forbidden(TrinityError, kind="forbidden"):
    """The API key does not have the scope that the request needs."""


class NotFound(TrinityError, kind="not-found"):
    """There is no such route, model, version or job."""


class NotFitted(TrinityError, kind="not-fitted"):
    """The model has no version yet: it was never fitted."""


class TooLarge(TrinityError, kind="too-large"):
    """The body is larger than the limit."""


class TooSlow(TrinityError, kind="too-slow"):
    """The body stopped arriving for too long."""


class UnsupportedMediaType(TrinityError, kind="unsupported-media-type"):
    """No reader takes this content type."""


class UnsupportedEncoding(UnsupportedMediaType):
    """The body has a content encoding, such as gzip; the service decodes none."""


class NotAcceptable(TrinityError, kind="not-acceptable"):
    """The answer does not exist in the format that the request asks for."""


class ModelFailed(TrinityError, kind="model-failed"):
    """The model's own code failed, or violated the contract of models."""


class Damaged(TrinityError, kind="damaged"):
    """A version, or the data of a job or the reference to it, has changed since it was written."""


class WorkerLost(TrinityError, kind="worker-lost"):
    """The process that ran the work died, in each of its attempts."""


class TimedOut(TrinityError, kind="timeout"):
    """The work took longer than its timeout."""


class Cancelled(TrinityError, kind="cancelled"):
    """The job was cancelled before it was done."""


class Superseded(TrinityError, kind="superseded"):
    """Another process has taken the job over; the result of this one is discarded."""


class Gone(TrinityError, kind="gone"):
    """It existed, but has expired."""


class Conflict(TrinityError, kind="conflict"):
    """Its state does not allow the request."""


class JobFailed(ModelFailed):
    """A job failed; the response is that of its failure."""

    _failure: Failure | None = None

    @classmethod
    def of(cls, failure: Failure) -> Self:
        """Return the error for a job's failure."""
        error = cls(failure.detail, *failure.errors)
        error._failure = failure
        return error

    def failure(self) -> Failure:
        """Return the failure of the job."""
        return self._failure or super().failure()


class Retriable(TrinityError):
    """The same request may succeed after `retry_after_s` seconds."""

    retry_after_s: int = 1


class Busy(Retriable, kind="busy"):
    """This process is at a limit: of running fits, of bytes held, or of jobs that wait to be committed."""


class NotInTime(Retriable, kind="timeout"):
    """The request's time for waiting is over before the end of the work."""


class QueueFull(Retriable, kind="queue-full"):
    """The queue is full."""

    retry_after_s = 5


class Unavailable(Retriable, kind="unavailable"):
    """A part of the service (ledger, broker, store) does not respond."""

    retry_after_s = 2
