"""The interface of both ways to run work: inline and queued."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from app.dispatch.turns import Turns
from app.errors import NotFound
from app.schemas.jobs import Event, Job, JobQuery
from app.schemas.requests import Work

FEED_JOBS = 20  # how many of the newest jobs the feed shows
NO_JOBS = "sync mode has no queue and so no jobs; the answer to /fit, /predict and /score is the result"


class IdempotencyKey(NamedTuple):
    """Digests of a request's Idempotency-Key and of the request itself, in hexadecimal."""

    key: str
    request: str


class Dispatcher(Protocol):
    """Runs work and reports its state. By default the methods about jobs raise NotFound: only a queue has jobs."""

    turns: Turns | None = None
    """The turns for which POST requests wait while models predict in threads of this process; None if they never do."""

    async def submit(self, work: Work, key: IdempotencyKey | None = None, *, as_array: bool = False) -> Job:
        """Accept the work, once for each key; return its job. Work that is done inline is finished by then.

        With `as_array` the result of an inline prediction is an array instead of JSON.
        """

    async def job(self, job_id: str, wait_s: float, past_stop_s: float = 0) -> Job:
        """Return a job, finished or as it is after `wait_s` seconds; raise NotFound or Gone.

        When the process stops, the wait lasts at most `past_stop_s` more seconds.
        """
        raise NotFound(NO_JOBS)

    def events(self, job_id: str, after: int) -> AsyncIterator[Event | None]:
        """Yield the events of a job after number `after`, until it ends; None keeps an idle stream open."""
        raise NotFound(NO_JOBS)

    async def jobs(self, query: JobQuery) -> tuple[list[Job], str | None]:
        """Return a page of jobs, newest first, without their results, and the cursor of the next page."""
        raise NotFound(NO_JOBS)

    def latest_jobs(self) -> AsyncIterator[list[Job] | None]:
        """Yield the newest jobs whenever they have changed; None keeps an idle stream open. Raise NotFound."""
        raise NotFound(NO_JOBS)

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job that isn't cancelled yet; raise NotFound, Gone, or Conflict if it ended otherwise."""
        raise NotFound(NO_JOBS)

    async def retry(self, job_id: str) -> Job:
        """Queue a failed or cancelled job again, once until it ends; raise NotFound, Gone, Conflict or QueueFull."""
        raise NotFound(NO_JOBS)

    async def unfinished(self, model: str) -> int:
        """Return how many jobs of a model wait or run."""
        return 0

    def stop_waiting(self) -> None:
        """End all waits for jobs, present and later ones: the process is about to stop."""

    async def close(self) -> None:
        """Close connections and threads."""
