"""Accepts jobs in groups: one commit to the ledger carries many of them. Large data goes into the store first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from logging import getLogger
from typing import NamedTuple, TypeAlias

from app.errors import Busy, TrinityError, Unavailable
from app.queue.ledger.acceptance import Duplicate, StoredWork, Submission
from app.queue.ledger.ledger import INLINE_BYTES, Ledger
from app.queue.ledger_calls import CircuitOpen, LedgerCalls
from app.queue.messages import JobRef
from app.queue.publisher import BUSY_JOBS, Publisher
from app.schemas.jobs import Job
from app.schemas.requests import Work, pack
from app.schemas.tables import Table

logger = getLogger(__name__)

GROUP_JOBS = 500  # jobs in one commit: it must end well within the ledger's timeout
FLUSH_DELAY_S = 0.005  # under load, how long the next group gathers: a commit costs more than the jobs in it
WAITING_JOBS = 10 * GROUP_JOBS  # above this many queued submissions, answer 503 instead of letting the client wait
STORE_THREADS = 4  # used for nothing else: a store that hangs delays neither commits nor readers
AcceptResult: TypeAlias = Job | Duplicate | TrinityError


class _Capacity:
    """Bounds the submissions that wait for the ledger or for the store. The first one is accepted whatever its size."""

    def __init__(self, name: str, max_bytes: int) -> None:
        self._name = name
        self._max_bytes = max_bytes
        self._jobs = self._bytes = 0

    def acquire(self, size_bytes: int) -> None:
        """Count one more submission; raise Busy when that would exceed a bound."""
        if self._jobs and (self._jobs >= WAITING_JOBS or self._bytes + size_bytes > self._max_bytes):
            raise Busy(f"too many jobs wait for the {self._name} in this process; try again")
        self._jobs += 1
        self._bytes += size_bytes

    def release(self, size_bytes: int) -> None:
        """Count one submission less."""
        self._jobs -= 1
        self._bytes -= size_bytes


class _Pending(NamedTuple):
    submission: Submission
    stored: StoredWork
    capacity: _Capacity
    size_bytes: int
    result: asyncio.Future[Job | Duplicate]


class GroupCommit:
    """Commits jobs in groups: jobs that arrive during one commit form the next group.

    Nothing waits when the service is idle. Under load one commit and one message carry many jobs (group commit:
    DeWitt et al., "Implementation techniques for main memory database systems", 1984), and groups gather for another
    `delay_s` seconds. A submitted job is committed even if its client has hung up.
    """

    def __init__(
        self,
        ledger: Ledger,
        calls: LedgerCalls,
        publisher: Publisher,
        max_waiting_bytes: int,
        delay_s: float = FLUSH_DELAY_S,
    ) -> None:
        self._ledger = ledger
        self._calls = calls
        self._publisher = publisher
        self._delay_s = delay_s
        self._commit_capacity = _Capacity("ledger", max_waiting_bytes)
        self._store_capacity = _Capacity("store", max_waiting_bytes)
        self._store_threads = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store")
        self._storing: set[asyncio.Task[None]] = set()
        self._gathered: list[_Pending] = []
        self._committing: asyncio.Task[None] | None = None

    async def accept(self, submission: Submission) -> Job | Duplicate:
        """Store and commit a job; raise QueueFull, Busy, Invalid or Unavailable."""
        work = submission.work
        result: asyncio.Future[Job | Duplicate] = asyncio.get_running_loop().create_future()
        content = pack(work) if _size_bytes(work) <= INLINE_BYTES else None
        if content is not None and len(content) <= INLINE_BYTES:
            self._commit_capacity.acquire(len(content))
            self._gather(_Pending(submission, StoredWork(content), self._commit_capacity, len(content), result))
        else:
            self._calls.check()
            size_bytes = max(_size_bytes(work), len(content or b""))
            self._store_capacity.acquire(size_bytes)
            pending = _Pending(submission, StoredWork(b""), self._store_capacity, size_bytes, result)
            task = asyncio.create_task(self._store(pending))
            self._storing.add(task)
            task.add_done_callback(self._storing.discard)
        return await result

    async def close(self) -> None:
        """Wait until all submitted jobs are committed."""
        while tasks := [*self._storing, *filter(None, [self._committing])]:
            await asyncio.wait(tasks)
        await asyncio.to_thread(self._store_threads.shutdown)

    async def _store(self, pending: _Pending) -> None:
        """Put large work into the store, then have it committed."""
        loop, (job_id, work, *_) = asyncio.get_running_loop(), pending.submission
        try:
            stored = await loop.run_in_executor(self._store_threads, self._ledger.store_work, job_id, work)
        except TrinityError as error:
            _set_result(pending, error)
        except Exception as error:  # noqa: BLE001  the client needs a response after any error
            logger.error("storing the data of a job raised %s", type(error).__name__)  # noqa: TRY400
            _set_result(pending, Unavailable("the data of the job could not be stored; try again"))
        else:
            self._gather(pending._replace(stored=stored))

    def _gather(self, pending: _Pending) -> None:
        self._gathered.append(pending)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_gathered())

    async def _commit_gathered(self) -> None:
        try:
            while self._gathered:
                group, self._gathered = self._gathered[:GROUP_JOBS], self._gathered[GROUP_JOBS:]
                await self._commit(group)
                if len(group) >= BUSY_JOBS:
                    await asyncio.sleep(self._delay_s)
        finally:
            self._committing = None

    async def _commit(self, group: Sequence[_Pending]) -> None:
        unknown = Unavailable("the job could not be committed; try again")
        results: Sequence[AcceptResult] = [unknown] * len(group)
        outcome_known = False
        try:
            submitted = [(pending.submission, pending.stored) for pending in group]
            results = await self._calls.commit(self._ledger.accept, submitted)
            outcome_known = True
        except TrinityError as error:
            results = [error] * len(group)
            outcome_known = isinstance(error, CircuitOpen)
        except Exception as error:  # noqa: BLE001  each client needs a response after any error
            logger.error("committing %d jobs raised %s", len(group), type(error).__name__)  # noqa: TRY400
        finally:
            self._settle(group, results, outcome_known=outcome_known)

    def _settle(self, group: Sequence[_Pending], results: Sequence[AcceptResult], *, outcome_known: bool) -> None:
        """Publish the new jobs, discard the data of the others, and answer all clients.

        `outcome_known` is false when the ledger's answer was lost. The data then stays, because the jobs may be in the
        ledger; the workers' payload cleanup removes what belongs to no job.
        """
        for pending, result in zip(group, results, strict=True):
            if isinstance(result, Job):
                self._publisher.publish(result.verb, JobRef(result.id, result.model), unbatched=result.unbatched)
            elif outcome_known and pending.stored.reference:
                self._store_threads.submit(self._ledger.discard_work, pending.stored.reference)
        for pending, result in zip(group, results, strict=True):
            _set_result(pending, result)


def _set_result(pending: _Pending, result: AcceptResult) -> None:
    pending.capacity.release(pending.size_bytes)
    if pending.result.done():  # its client closed the connection
        return
    if isinstance(result, TrinityError):
        pending.result.set_exception(result)
    else:
        pending.result.set_result(result)


def _size_bytes(work: Work) -> int:
    """Return how much memory the arrays of a work take; the rest of it is small."""
    if not isinstance(work.data, Table):
        return 0
    return work.data.X.nbytes + (0 if work.data.y is None else work.data.y.nbytes)
