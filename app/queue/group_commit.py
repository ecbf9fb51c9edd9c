"""Accepts jobs: large ones put their data into the store, then many are committed together; all within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from logging import getLogger
from typing import NamedTuple, TypeAlias

from app.errors import Busy, TrinityError, Unavailable
from app.queue.ledger import INLINE_BYTES, Duplicate, Ledger, StoredWork, Submission
from app.queue.ledger_calls import CircuitOpen, LedgerCalls
from app.queue.messages import JobRef
from app.queue.publisher import Publisher
from app.schemas.jobs import Job
from app.schemas.requests import Table, Work, pack

logger = getLogger(__name__)

GROUP_JOBS = 500  # jobs in one commit: it must be done well within the ledger's timeout
WAITING_JOBS = 10 * GROUP_JOBS  # who would wait for more commits than that is better told to come again
STORE_THREADS = 4  # of their own: a store that hangs holds up neither commits nor readers
AcceptResult: TypeAlias = Job | Duplicate | TrinityError


class _Capacity:
    """Bounds what waits for one part of the service; what comes while nothing waits is always taken."""

    def __init__(self, part: str, max_bytes: int) -> None:
        self._part = part
        self._max_bytes = max_bytes
        self._jobs = self._bytes = 0

    def take(self, size_bytes: int) -> None:
        """Raise Busy when there is no room for so much."""
        if self._jobs and (self._jobs >= WAITING_JOBS or self._bytes + size_bytes > self._max_bytes):
            raise Busy(f"as many jobs wait for the {self._part} as this process holds; try again")
        self._jobs += 1
        self._bytes += size_bytes

    def give(self, size_bytes: int) -> None:
        """Give back what was taken."""
        self._jobs -= 1
        self._bytes -= size_bytes


class _Pending(NamedTuple):
    submission: Submission
    kept: StoredWork
    room: _Capacity
    size_bytes: int
    accepted: asyncio.Future[Job | Duplicate]


class GroupCommit:
    """Commits jobs in groups: those that arrive while one group is on its way form the next.

    Nothing waits when the service is idle, and under load one commit and one message carry many jobs
    (group commit: DeWitt et al., "Implementation techniques for main memory database systems", 1984).
    A job that was handed in is committed, whether or not its client still waits.
    """

    def __init__(self, ledger: Ledger, asking: LedgerCalls, bell: Publisher, max_waiting_bytes: int) -> None:
        self._ledger = ledger
        self._asking = asking
        self._bell = bell
        self._commits = _Capacity("ledger", max_waiting_bytes)
        self._puts = _Capacity("store", max_waiting_bytes)
        self._storers = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store")
        self._storing: set[asyncio.Task[None]] = set()
        self._gathered: list[_Pending] = []
        self._committing: asyncio.Task[None] | None = None

    async def accept(self, submission: Submission) -> Job | Duplicate:
        """Commit a job whose work isn't kept yet; raise QueueFull, Busy, Invalid or Unavailable."""
        work = submission.work
        accepted: asyncio.Future[Job | Duplicate] = asyncio.get_running_loop().create_future()
        content = pack(work) if _size_bytes(work) <= INLINE_BYTES else None
        if content is not None and len(content) <= INLINE_BYTES:
            self._commits.take(len(content))
            self._gather(_Pending(submission, StoredWork(content), self._commits, len(content), accepted))
        else:
            self._asking.check()
            size_bytes = max(_size_bytes(work), len(content or b""))
            self._puts.take(size_bytes)
            waiting = _Pending(submission, StoredWork(b""), self._puts, size_bytes, accepted)
            task = asyncio.create_task(self._store(waiting))
            self._storing.add(task)
            task.add_done_callback(self._storing.discard)
        return await accepted

    async def close(self) -> None:
        """Let what was handed in arrive."""
        while tasks := [*self._storing, *filter(None, [self._committing])]:
            await asyncio.wait(tasks)
        await asyncio.to_thread(self._storers.shutdown)

    async def _store(self, waiting: _Pending) -> None:
        """Put large work into the store, then have it committed."""
        submission = waiting.submission
        answer: TrinityError = Unavailable("the data of the job could not be kept; try again")
        try:
            kept = await asyncio.get_running_loop().run_in_executor(
                self._storers, self._ledger.keep, submission.job_id, submission.work
            )
        except TrinityError as error:
            answer = error
        except Exception as error:  # noqa: BLE001  whatever it is, the caller waits for an answer
            logger.error("keeping the data of a job raised %s", type(error).__name__)  # noqa: TRY400
        else:
            self._gather(waiting._replace(kept=kept))
            return
        _answer(waiting, answer)

    def _gather(self, waiting: _Pending) -> None:
        self._gathered.append(waiting)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_gathered())

    async def _commit_gathered(self) -> None:
        try:
            while self._gathered:
                group, self._gathered = self._gathered[:GROUP_JOBS], self._gathered[GROUP_JOBS:]
                answers: Sequence[AcceptResult] = [Unavailable("the job could not be committed; try again")] * len(
                    group
                )
                known = False
                try:
                    pairs = [(waiting.submission, waiting.kept) for waiting in group]
                    answers = await self._asking.commit(self._ledger.accept, pairs)
                    known = True
                except TrinityError as error:
                    answers = [error] * len(group)
                    known = isinstance(error, CircuitOpen)
                except Exception as error:  # noqa: BLE001  whatever it is, each of the callers waits for an answer
                    logger.error("committing %d jobs raised %s", len(group), type(error).__name__)  # noqa: TRY400
                finally:
                    self._settle(group, answers, known=known)
        finally:
            self._committing = None

    def _settle(self, group: Sequence[_Pending], answers: Sequence[AcceptResult], *, known: bool) -> None:
        """Ring for the jobs that are new, drop the data of those that aren't, and answer those who wait.

        Where it is not `known` what became of a commit, the data stays: the jobs may be there, with the answer lost.
        What then belongs to no job is swept by the workers.
        """
        for waiting, answer in zip(group, answers, strict=True):
            if isinstance(answer, Job):
                self._bell.ring(answer.verb, JobRef(answer.id, answer.model), alone=answer.alone)
            elif known and waiting.kept.reference:
                self._storers.submit(self._ledger.drop, waiting.kept.reference)
        for waiting, answer in zip(group, answers, strict=True):
            _answer(waiting, answer)


def _answer(waiting: _Pending, answer: AcceptResult) -> None:
    waiting.room.give(waiting.size_bytes)
    if waiting.accepted.done():  # its client hung up
        return
    if isinstance(answer, TrinityError):
        waiting.accepted.set_exception(answer)
    else:
        waiting.accepted.set_result(answer)


def _size_bytes(work: Work) -> int:
    """Return how much memory the numbers of a work take; what it takes beside them is little."""
    if not isinstance(work.data, Table):
        return 0
    return work.data.X.nbytes + (0 if work.data.y is None else work.data.y.nbytes)
