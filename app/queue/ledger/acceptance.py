"""What the ledger accepts, and its results: a job, the earlier job of the same key, or an error."""

from __future__ import annotations

from typing import Any, NamedTuple

from app.errors import Invalid, QueueFull, TrinityError
from app.schemas.jobs import Job
from app.schemas.requests import Work


class StoredWork(NamedTuple):
    """Packed work, or the reference to its file if it is too large for the ledger."""

    content: bytes
    reference: str = ""


class Submission(NamedTuple):
    """Work to be accepted. `key` is the digest of its idempotency key, `digest` that of the request ('' without a key).

    `request_id`, `trace` and `key_name` (of the API key) are those of its HTTP request, for logs and traces.
    """

    job_id: str
    work: Work
    timeout_s: float
    key: str = ""
    digest: str = ""
    request_id: str = ""
    trace: str = ""
    key_name: str = ""


class Duplicate(NamedTuple):
    """The job for which a key was used before."""

    job_id: str


def queue_full(empty_in_s: int) -> QueueFull:
    """Return the error for a full queue; the client may try again when the lane is likely to be empty."""
    error = QueueFull("as many jobs wait as TRINITY_MAX_PENDING allows; try again later")
    error.retry_after_s = min(300, max(1, empty_in_s))
    return error


def is_alone(work: Work, stored: StoredWork) -> bool:
    """Whether a job must not share a message with others: a large one, or one with a timeout of its own."""
    return bool(stored.reference) or work.timeout_s is not None


def answered(each: Submission, answer: Any, now_s: float, *, unbatched: bool) -> Job | Duplicate | TrinityError:
    """Return the accepted job, the earlier job of the same key, or the error of a refused job."""
    match answer:
        case int(position):
            return Job(
                id=each.job_id,
                verb=each.work.verb,
                model=each.work.model,
                version=each.work.version,
                status="PENDING",
                created_s=now_s,
                position=position or None,
                unbatched=unbatched,
                key_name=each.key_name,
            )
        case [b"full", empty_in_s]:
            return queue_full(int(empty_in_s))
        case [b"same", job_id]:
            return Duplicate(job_id.decode())
    return Invalid("the Idempotency-Key was used for another request")
