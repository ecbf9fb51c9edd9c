"""Async mode: work is committed to the ledger, then a message with its id goes to a worker; many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from logging import getLogger
from typing import NamedTuple
from uuid import uuid4

from kombu.exceptions import OperationalError

from app.dispatch.watch import Watch
from app.errors import NotFound, QueueFull, TrinityError, Unavailable
from app.ledger import Ledger
from app.schemas import VERBS, Job, Verb, Work

logger = getLogger(__name__)

GROUP_JOBS = 500  # jobs in one commit: it must be done well within the ledger's timeout
MESSAGE_JOBS = 50  # jobs in one message: enough to share its cost, few enough to share the work among processes
LOOK_AGAIN_S = 1.0  # how often a waiting request looks at its job itself, in case a notice was lost
Publish = Callable[[Verb, list[str]], None]


class _Submission(NamedTuple):
    job_id: str
    work: Work
    accepted: asyncio.Future[Job]


class Queued:
    """Commits jobs in groups: those that arrive while one group is on its way form the next.

    Nothing waits when the service is idle, and under load one commit and one message carry many jobs
    (group commit: DeWitt et al., "Implementation techniques for main memory database systems", 1984).
    """

    def __init__(self, ledger: Ledger, watch: Watch, publish: Publish, pool: ThreadPoolExecutor) -> None:
        self._ledger = ledger
        self._watch = watch
        self._publish = publish
        self._pool = pool
        self._gathered: list[_Submission] = []
        self._committing: asyncio.Task[None] | None = None
        self._stopping = False

    async def submit(self, work: Work, wait_s: float) -> Job:
        """Return the accepted job; raise QueueFull, or Unavailable when ledger or broker don't take it."""
        submission = _Submission(uuid4().hex, work, asyncio.get_running_loop().create_future())
        self._gathered.append(submission)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_gathered())
        job = await submission.accepted
        if wait_s > 0:
            with suppress(Unavailable):  # the job is accepted, whether or not it can be watched
                return await self.job(job.id, wait_s)
        return job

    def at_once(self, work: Work) -> Job | None:  # noqa: ARG002
        """Return None: work is for the workers."""
        return None

    async def job(self, job_id: str, wait_s: float) -> Job:
        """Return the job, finished or as it is after `wait_s` seconds; raise NotFound or Unavailable."""
        job = await self._read(job_id)
        if wait_s <= 0 or job.finished:
            return job
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait_s
        async with self._watch.finished(job_id) as event:
            while not (job := await self._read(job_id)).finished and (left_s := deadline - clock()) > 0:
                if self._stopping:
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), min(left_s, LOOK_AGAIN_S))
        return job

    def stop_waiting(self) -> None:
        """Return jobs as they are from now on, to those who wait already too: the process is about to stop."""
        self._stopping = True
        self._watch.wake()

    async def close(self) -> None:
        """Let the group on its way arrive, then close the connections."""
        if self._committing is not None:
            await self._committing
        await self._watch.close()
        await asyncio.to_thread(self._ledger.close)

    async def _read(self, job_id: str) -> Job:
        job = await asyncio.get_running_loop().run_in_executor(self._pool, self._ledger.job, job_id)
        if job is None:
            raise NotFound(f"no job {job_id[:64]!r}; it never was, or its result has expired")
        return job

    async def _commit_gathered(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._gathered:
                group, self._gathered = self._gathered[:GROUP_JOBS], self._gathered[GROUP_JOBS:]
                answers: list[Job | BaseException] = [Unavailable("the jobs could not be committed; try again")] * len(
                    group
                )
                try:
                    answers = [*await loop.run_in_executor(self._pool, self._commit, group)]
                except Exception as error:  # noqa: BLE001  whatever it is, each of the callers waits for an answer
                    logger.error("committing %d jobs raised %s", len(group), type(error).__name__)  # noqa: TRY400
                    loop.run_in_executor(self._pool, self._take_back, [s.job_id for s in group])
                finally:
                    for submission, answer in zip(group, answers, strict=True):
                        _settle(submission.accepted, answer)
        finally:
            self._committing = None

    def _commit(self, group: list[_Submission]) -> list[Job | TrinityError]:
        """Commit a group, then ring the workers; return for each of its members the job or the reason why not."""
        try:
            jobs: list[Job | TrinityError] = list(self._ledger.accept([(s.job_id, s.work) for s in group]))
        except TrinityError as error:
            return [error] * len(group)
        accepted = group[: len(jobs)]
        lost: set[str] = set()
        for verb in VERBS:
            lost |= self._ring(verb, [s.job_id for s in accepted if s.work.verb == verb])
        answers = [
            Unavailable("the broker doesn't answer; try again") if s.job_id in lost else job
            for s, job in zip(accepted, jobs, strict=True)
        ]
        full = QueueFull("as many jobs wait as are allowed (TRINITY_MAX_PENDING); try again later")
        return answers + [full] * (len(group) - len(accepted))

    def _ring(self, verb: Verb, job_ids: list[str]) -> set[str]:
        """Send the ids to the verb's lane; return those that could not be sent and were taken back."""
        for start in range(0, len(job_ids), MESSAGE_JOBS):
            try:
                self._publish(verb, job_ids[start : start + MESSAGE_JOBS])
            except (OperationalError, OSError) as error:
                logger.warning("the broker took no message (%s)", type(error).__name__)
                return self._take_back(job_ids[start:])
        return set()

    def _take_back(self, job_ids: list[str]) -> set[str]:
        try:
            return set(self._ledger.discard(job_ids))
        except TrinityError as error:
            logger.warning("jobs without a message stay in the ledger (%s)", error.kind)
            return set(job_ids)


def _settle(future: asyncio.Future[Job], answer: Job | BaseException) -> None:
    if future.done():  # its client hung up
        return
    if isinstance(answer, BaseException):
        future.set_exception(answer)
    else:
        future.set_result(answer)
