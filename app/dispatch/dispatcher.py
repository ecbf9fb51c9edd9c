"""The interface of both ways to have work done: inline and queued."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from app.schemas.jobs import Event, Job, JobQuery
from app.schemas.requests import Work

FEED_JOBS = 20  # how many of the newest jobs the feed shows


class IdempotencyKey(NamedTuple):
    """Digests of a request's Idempotency-Key and of the request itself, in hexadecimal."""

    key: str
    request: str


class Dispatcher(Protocol):
    """Has work done, and reports its state."""

    async def submit(self, work: Work, key: IdempotencyKey | None = None, *, as_array: bool = False) -> Job:
        """Accept the work, once for each key; return its job. Work that is done inline is finished by then.

        With `as_array` a prediction that is done inline has an array as its result, not JSON.
        """

    async def job(self, job_id: str, wait_s: float, past_stop_s: float = 0) -> Job:
        """Return a job, finished or as it is after `wait_s` seconds; raise NotFound or Gone.

        Once the process stops, the wait lasts `past_stop_s` seconds more at most.
        """

    def events(self, job_id: str, after: int) -> AsyncIterator[Event | None]:
        """Yield the events of a job after number `after`, until it ends; None keeps an idle stream open."""

    async def jobs(self, query: JobQuery) -> tuple[list[Job], str | None]:
        """Return a page of jobs, newest first, without their results, and the cursor of the next page."""

    def latest_jobs(self) -> AsyncIterator[list[Job] | None]:
        """Yield the newest jobs whenever they have changed; None keeps an idle stream open. Raise NotFound."""

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job that isn't cancelled yet; raise NotFound, Gone, or Conflict when it ended otherwise."""

    async def retry(self, job_id: str) -> Job:
        """Queue a failed or cancelled job again, once until it ends; raise NotFound, Gone, Conflict or QueueFull."""

    def stop_waiting(self) -> None:
        """End all waits for jobs, present and later ones: the process is about to stop."""

    async def close(self) -> None:
        """Release what was opened."""
