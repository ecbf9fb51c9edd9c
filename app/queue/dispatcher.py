"""Async mode: commits work to the ledger, then sends a message with its job id to a worker."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, nullcontext, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from app.dispatch.dispatcher import FEED_JOBS, IdempotencyKey
from app.dispatch.turns import Turns
from app.queue.group_commit import GroupCommit
from app.queue.job_feed import HEARTBEAT_S, JobFeed
from app.queue.ledger.acceptance import Duplicate, Submission
from app.queue.ledger.ledger import Ledger
from app.queue.ledger_calls import LedgerCalls
from app.queue.messages import JobRef
from app.queue.notifications import JobNotifications
from app.queue.publisher import Publisher
from app.schemas.jobs import FINISHED, Event, Job, JobQuery
from app.schemas.requests import StoredFile, Work
from app.schemas.verbs import Verb
from app.telemetry.context import REQUEST

if TYPE_CHECKING:
    from app.telemetry.tracing import Tracing

POLL_S = 20.0  # how often a waiting request reads its job, in case a notice was lost


class QueuedDispatcher:
    """A job is accepted when it is committed. If its message is lost, the workers find the job in the ledger.

    `max_waiting_bytes` bounds the data of jobs that are not committed yet.
    """

    turns: Turns | None = None  # models predict in the workers

    def __init__(
        self,
        ledger: Ledger,
        notifications: JobNotifications,
        publisher: Publisher,
        pool: ThreadPoolExecutor,
        timeouts_s: Mapping[Verb, float],
        max_waiting_bytes: int,
        tracing: Tracing | None = None,
    ) -> None:
        self._ledger = ledger
        self._notifications = notifications
        self._publisher = publisher
        self._calls = LedgerCalls(pool)
        self._timeouts_s = timeouts_s
        self._group_commit = GroupCommit(ledger, self._calls, publisher, max_waiting_bytes)
        self._feed = JobFeed(self._latest, notifications)
        self._tracing = tracing
        self._stopped_s = math.inf  # when `stop_waiting` was called, on the loop's clock

    async def submit(self, work: Work, key: IdempotencyKey | None = None, *, as_array: bool = False) -> Job:  # noqa: ARG002  a worker's results are JSON
        """Return the accepted job, or the earlier one of a known key; raise QueueFull, Busy, Invalid or Unavailable."""
        timeout_s = work.timeout_s or self._timeouts_s[work.verb]
        # the file of a request is in the store already, under the name of its job
        job_id, asked = work.data.id if isinstance(work.data, StoredFile) else uuid4().hex, REQUEST.get()
        spanned = nullcontext(asked.trace) if self._tracing is None else self._tracing.submission_span(work, job_id)
        with spanned as trace:
            submission = Submission(
                job_id, work, timeout_s, *(key or ("", "")), asked.request_id, trace, asked.key_name
            )
            answer = await self._group_commit.accept(submission)
        if isinstance(answer, Duplicate):
            return await self._calls.call(self._ledger.job, answer.job_id)
        return answer

    async def job(self, job_id: str, wait_s: float, past_stop_s: float = 0) -> Job:
        """Return the job when it is finished or after `wait_s` seconds; raise NotFound, Gone or Unavailable.

        After `stop_waiting` the wait lasts at most another `past_stop_s` seconds.
        """
        job = await self._calls.call(self._ledger.job, job_id)
        if wait_s <= 0 or job.finished:
            return job
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait_s
        async with self._notifications.subscribe(job_id) as changed:
            while True:
                changed.clear()  # before reading, so that no later change is missed
                status = await self._calls.call(self._ledger.status, job_id)
                left_s = min(deadline, self._stopped_s + past_stop_s) - clock()
                if status in FINISHED or left_s <= 0:
                    return await self._calls.call(self._ledger.job, job_id)
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(left_s, POLL_S))

    async def events(self, job_id: str, after: int) -> AsyncIterator[Event | None]:
        """Give the job's events after event number `after` until it is finished; None as a sign of life."""
        async with self._notifications.subscribe(job_id) as changed:
            while True:
                changed.clear()
                status = await self._calls.call(self._ledger.status, job_id)
                for event in await self._calls.call(self._ledger.events, job_id, after):
                    after = event.seq
                    yield event
                if status in FINISHED or self._stopped_s < math.inf:
                    return
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_S)
                except TimeoutError:
                    yield None

    async def jobs(self, query: JobQuery) -> tuple[list[Job], str | None]:
        """Return a page of jobs, newest first, without their results, and the cursor of the next page."""
        return await self._calls.call(self._ledger.jobs, query)

    def latest_jobs(self) -> AsyncIterator[list[Job] | None]:
        """Give the latest jobs whenever they change; None as a sign of life."""
        return self._feed.latest_jobs()

    async def cancel(self, job_id: str) -> Job:
        """Cancel the job; raise NotFound, Gone, or Conflict if it is finished."""
        await self._calls.call(self._ledger.cancel, job_id)
        return await self._calls.call(self._ledger.job, job_id)

    async def retry(self, job_id: str) -> Job:
        """Queue a failed or cancelled job again; raise NotFound, Gone, Conflict or QueueFull."""
        verb = await self._calls.call(self._ledger.retry, job_id)
        job = await self._calls.call(self._ledger.job, job_id)
        self._publisher.publish(verb, JobRef(job_id, job.model), unbatched=True)
        return job

    async def unfinished(self, model: str) -> int:
        """Return how many jobs of a model wait or run; raise Unavailable."""
        return await self._calls.call(self._ledger.unfinished, model)

    def stop_waiting(self) -> None:
        """End all waits and streams soon, because the process is about to stop."""
        self._stopped_s = asyncio.get_running_loop().time()
        self._notifications.wake_all()
        self._feed.stop()

    async def close(self) -> None:
        """Wait until submitted jobs are committed and published, then close the connections."""
        async with AsyncExitStack() as stack:  # the last added is closed first; an error keeps no other from closing
            stack.push_async_callback(asyncio.to_thread, self._ledger.close)
            for each in (self._calls, self._notifications, self._publisher, self._group_commit):
                stack.push_async_callback(each.close)

    async def _latest(self) -> list[Job]:
        found, _ = await self.jobs(JobQuery(FEED_JOBS))
        return found
