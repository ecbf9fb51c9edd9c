"""Async mode: work is committed to the ledger, then a message with its id goes to a worker; many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from logging import getLogger
from typing import NamedTuple
from uuid import uuid4

from app.dispatch.asking import Asking
from app.dispatch.base import IdempotencyKey
from app.dispatch.bell import Bell
from app.dispatch.watch import Watch
from app.errors import TrinityError, Unavailable
from app.ledger import Ledger, Submission
from app.schemas import FINISHED, Event, Job, Page, Verb, Work

logger = getLogger(__name__)

GROUP_JOBS = 500  # jobs in one commit: it must be done well within the ledger's timeout
HEARTBEAT_S = 15.0  # how often a silent stream of events shows that it lives
LOOK_AGAIN_S = 20.0  # how often a waiting request looks at its job itself, in case a notice was lost


class _Waiting(NamedTuple):
    submission: Submission
    accepted: asyncio.Future[Job]


class Queued:
    """Commits jobs in groups: those that arrive while one group is on its way form the next.

    Nothing waits when the service is idle, and under load one commit and one message carry many jobs
    (group commit: DeWitt et al., "Implementation techniques for main memory database systems", 1984).
    A job is accepted when it is committed: the message for it follows, and if it doesn't, the workers find the job.
    """

    def __init__(
        self, ledger: Ledger, watch: Watch, bell: Bell, pool: ThreadPoolExecutor, timeouts_s: Mapping[Verb, float]
    ) -> None:
        self._ledger = ledger
        self._watch = watch
        self._bell = bell
        self._asking = Asking(pool)
        self._timeouts_s = timeouts_s
        self._gathered: list[_Waiting] = []
        self._committing: asyncio.Task[None] | None = None
        self._stopping = False

    async def submit(self, work: Work, key: IdempotencyKey | None = None) -> Job:
        """Return the accepted job; raise QueueFull, Conflict, or Unavailable when the ledger doesn't take it."""
        timeout_s = work.timeout_s or self._timeouts_s[work.verb]
        submission = Submission(uuid4().hex, work, timeout_s, *(key or ("", "")))
        waiting = _Waiting(submission, asyncio.get_running_loop().create_future())
        self._gathered.append(waiting)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_gathered())
        return await waiting.accepted

    def at_once(self, work: Work) -> Job | None:  # noqa: ARG002
        """Return None: work is for the workers."""
        return None

    async def job(self, job_id: str, wait_s: float) -> Job:
        """Return the job, finished or as it is after `wait_s` seconds; raise NotFound, Gone or Unavailable."""
        job = await self._asking.read(self._ledger.job, job_id)
        if wait_s <= 0 or job.finished:
            return job
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait_s
        async with self._watch.changes(job_id) as changed:
            while True:
                changed.clear()  # before the look, so that nothing that happens after it is missed
                status = await self._asking.read(self._ledger.status, job_id)
                left_s = deadline - clock()
                if status in FINISHED or left_s <= 0 or self._stopping:
                    return await self._asking.read(self._ledger.job, job_id)
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(left_s, LOOK_AGAIN_S))

    async def events(self, job_id: str, after: int) -> AsyncIterator[Event | None]:
        """Give what happens to the job after event number `after`, to its end; None now and then, when nothing does."""
        async with self._watch.changes(job_id) as changed:
            while True:
                changed.clear()
                status = await self._asking.read(self._ledger.status, job_id)
                for event in await self._asking.read(self._ledger.events, job_id, after):
                    after = event.seq
                    yield event
                if status in FINISHED or self._stopping:
                    return
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_S)
                except TimeoutError:
                    yield None

    async def jobs(self, page: Page) -> tuple[list[Job], str | None]:
        """Return a page of jobs, newest first, without their results, and the cursor of the next page."""
        return await self._asking.read(self._ledger.jobs, page)

    async def cancel(self, job_id: str) -> Job:
        """Cancel the job; raise NotFound, Gone, or Conflict when it is finished."""
        await self._asking.read(self._ledger.cancel, job_id)
        return await self._asking.read(self._ledger.job, job_id)

    async def retry(self, job_id: str) -> Job:
        """Queue a failed or cancelled job again; raise NotFound, Gone, Conflict or QueueFull."""
        self._bell.ring(await self._asking.read(self._ledger.retry, job_id), job_id, alone=True)
        return await self._asking.read(self._ledger.job, job_id)

    def stop_waiting(self) -> None:
        """Return jobs as they are from now on, to those who wait already too: the process is about to stop."""
        self._stopping = True
        self._watch.wake()

    async def close(self) -> None:
        """Let the group on its way arrive, then close the connections."""
        if self._committing is not None:
            await self._committing
        await self._bell.close()
        await self._watch.close()
        await self._asking.close()
        await asyncio.to_thread(self._ledger.close)

    async def _commit_gathered(self) -> None:
        try:
            while self._gathered:
                group, self._gathered = self._gathered[:GROUP_JOBS], self._gathered[GROUP_JOBS:]
                answers: list[Job | TrinityError] = [Unavailable("the job could not be committed; try again")]
                answers *= len(group)
                try:
                    answers = await self._asking.commit(self._ledger.accept, [waiting.submission for waiting in group])
                except TrinityError as error:
                    answers = [error] * len(group)
                except Exception as error:  # noqa: BLE001  whatever it is, each of the callers waits for an answer
                    logger.error("committing %d jobs raised %s", len(group), type(error).__name__)  # noqa: TRY400
                finally:
                    self._settle(group, answers)
        finally:
            self._committing = None

    def _settle(self, group: Sequence[_Waiting], answers: Sequence[Job | TrinityError]) -> None:
        """Answer those who wait, and ring for the jobs that are new."""
        for waiting, answer in zip(group, answers, strict=True):
            if isinstance(answer, Job) and answer.id == waiting.submission.job_id:
                self._bell.ring(answer.verb, answer.id, alone=answer.alone)
        for waiting, answer in zip(group, answers, strict=True):
            if waiting.accepted.done():  # its client hung up
                continue
            if isinstance(answer, TrinityError):
                waiting.accepted.set_exception(answer)
            else:
                waiting.accepted.set_result(answer)
