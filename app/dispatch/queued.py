"""Async mode: work is committed to the ledger, then a message with its id goes to a worker; many at a time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from logging import getLogger
from typing import NamedTuple
from uuid import uuid4

from app.dispatch.bell import Bell
from app.dispatch.watch import Watch
from app.errors import TrinityError, Unavailable
from app.ledger import Ledger, Submission
from app.schemas import VERBS, Job, Work

logger = getLogger(__name__)

GROUP_JOBS = 500  # jobs in one commit: it must be done well within the ledger's timeout
LOOK_AGAIN_S = 1.0  # how often a waiting request looks at its job itself, in case a notice was lost


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
        self, ledger: Ledger, watch: Watch, bell: Bell, pool: ThreadPoolExecutor, timeouts_s: dict[str, float]
    ) -> None:
        self._ledger = ledger
        self._watch = watch
        self._bell = bell
        self._pool = pool
        self._timeouts_s = timeouts_s
        self._gathered: list[_Waiting] = []
        self._committing: asyncio.Task[None] | None = None

    async def submit(self, work: Work, wait_s: float, key: IdempotencyKey | None = None) -> Job:
        """Return the accepted job; raise QueueFull, Conflict, or Unavailable when the ledger doesn't take it."""
        timeout_s = work.timeout_s or self._timeouts_s[work.verb]
        submission = Submission(uuid4().hex, work, timeout_s, *(key or ("", "")))
        waiting = _Waiting(submission, asyncio.get_running_loop().create_future())
        self._gathered.append(waiting)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_gathered())
        job = await waiting.accepted
        if wait_s > 0 and not job.finished:
            with suppress(Unavailable):  # the job is accepted, whether or not it can be watched
                return await self.job(job.id, wait_s)
        return job

    def at_once(self, work: Work) -> Job | None:  # noqa: ARG002
        """Return None: work is for the workers."""
        return None

    async def job(self, job_id: str, wait_s: float) -> Job:
        """Return the job, finished or as it is after `wait_s` seconds; raise NotFound, Gone or Unavailable."""
        job = await self._ask(self._ledger.job, job_id)
        if wait_s <= 0 or job.finished:
            return job
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait_s
        async with self._watch.changes(job_id) as changed:
            while not (job := await self._ask(self._ledger.job, job_id)).finished:
                left_s = deadline - clock()
                if left_s <= 0:
                    break
                changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(left_s, LOOK_AGAIN_S))
        return job
