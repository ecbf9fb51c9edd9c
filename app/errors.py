"""What can go wrong, in the words of the domain; envelopes.py alone says which HTTP status each becomes."""

from __future__ import annotations

from typing import ClassVar, Self

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One bad value: `pointer` (RFC 6901) leads to it in the request, `detail` says what is wrong."""

    pointer: str
    detail: str


class Failure(msgspec.Struct, frozen=True):
    """An error as a job keeps it: the kind (a key of serve's status table) and words for the caller."""

    kind: str
    detail: str
    errors: list[Fault] = []


class TrinityError(Exception):
    """Base of all that callers are told; `kind` names it in problem documents and in the ledger."""

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
        """Return the form in which a job keeps this error."""
        return Failure(self.kind, self.detail, self.faults)


class Malformed(TrinityError):
    """The body can't be read at all: not JSON, not CSV, not UTF-8."""

    kind = "malformed"


class Invalid(TrinityError):
    """The request is well formed but a value in it is wrong."""

    kind = "invalid"


class Unauthenticated(TrinityError):
    """The request has no key, or one that nobody knows."""

    kind = "unauthenticated"


class Forbidden(TrinityError):
    """The key is known, but it isn't for this."""

    kind = "forbidden"


class NotFound(TrinityError):
    """The thing asked for isn't there: a route, model, version or job."""

    kind = "not-found"


class NotFitted(TrinityError):
    """The model is known but nothing has been fitted yet."""

    kind = "not-fitted"


class TooLarge(TrinityError):
    """The body is over the limit."""

    kind = "too-large"


class TooSlow(TrinityError):
    """The body was begun, or announced, and then nothing of it came for too long."""

    kind = "too-slow"


class UnsupportedMediaType(TrinityError):
    """The body is of a content type that no reader takes."""

    kind = "unsupported-media-type"


class UnsupportedEncoding(UnsupportedMediaType):
    """The body is compressed, or coded in another way that nobody here undoes."""


class ModelFailed(TrinityError):
    """The model's own code raised something it shouldn't have."""

    kind = "model-failed"


class Damaged(TrinityError):
    """What was kept for a job is not what was written: a file or a reference has changed since."""

    kind = "damaged"


class WorkerLost(TrinityError):
    """The process that did the work died, each time it was tried."""

    kind = "worker-lost"


class TimedOut(TrinityError):
    """The work took longer than it was given."""

    kind = "timeout"


class Cancelled(TrinityError):
    """The work was called off before it was done."""

    kind = "cancelled"


class Superseded(TrinityError):
    """The work was taken from the process that did it; what it made counts no more."""

    kind = "superseded"


class Gone(TrinityError):
    """The thing asked for was there once and is kept no longer."""

    kind = "gone"


class Conflict(TrinityError):
    """The thing is there, but in a state that doesn't allow what was asked."""

    kind = "conflict"


class Retriable(TrinityError):
    """The same request may succeed later; `retry_after_s` says when to try."""

    retry_after_s: int = 1


class Busy(Retriable):
    """As much goes on as this process allows: fits that run, bytes that are held, jobs that wait to be committed."""

    kind = "busy"


class NotInTime(Retriable):
    """The work goes on, or was called off, but its end could not be awaited any longer."""

    kind = "timeout"


class QueueFull(Retriable):
    """As many jobs wait as are allowed."""

    kind = "queue-full"
    retry_after_s = 5


class Unavailable(Retriable):
    """A part of the service (ledger, broker) doesn't answer."""

    kind = "unavailable"
    retry_after_s = 2
