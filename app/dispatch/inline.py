"""Sync mode: the web process runs the model, small predictions on its event loop, everything else in its threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from threading import Semaphore

from app.dispatch.batching import JobWork
from app.dispatch.dispatcher import Dispatcher, IdempotencyKey
from app.dispatch.execute import Clock, execute, finished_job
from app.dispatch.interpreter_lock import defer_this_thread
from app.dispatch.kept_jobs import KeptJobs
from app.dispatch.micro_batching import MicroBatcher
from app.dispatch.slow_versions import QUICK_S, SlowVersions, is_slow
from app.dispatch.turns import Turns
from app.errors import Busy
from app.schemas.ids import new_id
from app.schemas.jobs import Job, Outcome
from app.schemas.requests import FileInput, Work, stacked_rows
from app.schemas.tables import Table
from app.schemas.verbs import VERBS
from app.service import Service
from app.telemetry.context import REQUEST

SMALL_VALUES = 4_096  # up to this many numbers in X, a prediction costs less than switching threads


class InlineDispatcher(Dispatcher):
    """Runs the work before it returns; there is no queue, and only the models are kept.

    `count` is called on the event loop with each finished work.
    """

    def __init__(
        self,
        service: Service,
        pool: ThreadPoolExecutor,
        max_fits: int,
        clock: Clock = time.time,
        count: Callable[[Work, Outcome], None] = lambda *_: None,
        kept: KeptJobs | None = None,
    ) -> None:
        self._service = service
        self._pool = pool
        self._fits = ThreadPoolExecutor(max_fits, thread_name_prefix="fit", initializer=defer_this_thread)
        self._free_fits = Semaphore(max_fits)
        self._clock = clock
        self._count = count
        self._kept = kept
        self._slow = SlowVersions()
        self.turns = Turns()
        self._batcher = MicroBatcher(service, clock, partial(self._done, on_loop=False), self.turns)

    async def submit(self, work: Work, key: IdempotencyKey | None = None, *, as_array: bool = False) -> Job:
        """Run the work and return its finished job; raise Busy when TRINITY_MAX_FITS fits are running.

        The id of the job is derived from the key: a fit that is sent again finds the version that it published.
        """
        if isinstance(work.data, FileInput) and not VERBS[work.verb].publishes:
            job_id = work.data.id  # its files are named after it
        else:
            job_id = new_id() if key is None else f"{key.key[:16]}{key.request[:16]}"
        if self._is_small(work):
            return self._run_on_loop(work, job_id, as_array=as_array)
        created = self._clock()
        if VERBS[work.verb].publishes:
            outcome = await self._fit(work, job_id)
        elif not as_array and (max_rows := self._max_stack_rows(work)):
            outcome = await self._batcher.predict(JobWork(job_id, work, REQUEST.get()), max_rows)
        else:
            outcome = await self._threaded(self._pool, work, job_id, as_array=as_array)
        job = finished_job(job_id, work, created, outcome)
        if self._kept is not None and isinstance(work.data, FileInput):
            await asyncio.get_running_loop().run_in_executor(self._pool, self._kept.keep, job)
        return job

    async def job(self, job_id: str, wait_s: float, past_stop_s: float = 0) -> Job:
        """Return a job whose result has files; raise NotFound for all others, which are not kept."""
        if self._kept is not None:
            found = await asyncio.get_running_loop().run_in_executor(self._pool, self._kept.find, job_id)
            if found is not None:
                return found
        return await super().job(job_id, wait_s, past_stop_s)

    def _run_on_loop(self, work: Work, job_id: str, *, as_array: bool) -> Job:
        outcome = execute(self._service, work, job_id, self._clock, as_array=as_array)
        self._done(work, outcome, on_loop=True)
        return finished_job(job_id, work, outcome.started_s, outcome)

    def stop_waiting(self) -> None:
        """Do nothing: requests await the work itself, which is finished before the process ends."""

    async def close(self) -> None:
        """Let running fits and predictions end."""
        await asyncio.to_thread(self._fits.shutdown)
        await self._batcher.close()

    async def _fit(self, work: Work, job_id: str) -> Outcome:
        if not self._free_fits.acquire(blocking=False):
            raise Busy("this process can run no more fits now (TRINITY_MAX_FITS); try again")
        future = self._threaded(self._fits, work, job_id)
        # when it ends, and not when a client disconnects
        future.add_done_callback(lambda _: self._free_fits.release())
        return await asyncio.shield(future)

    def _threaded(
        self, threads: ThreadPoolExecutor, work: Work, job_id: str, *, as_array: bool = False
    ) -> asyncio.Future[Outcome]:
        loop = asyncio.get_running_loop()

        def run() -> Outcome:
            outcome = execute(self._service, work, job_id, self._clock, as_array=as_array)
            # even if the client has disconnected
            loop.call_soon_threadsafe(partial(self._done, work, outcome, on_loop=False))
            return outcome

        return loop.run_in_executor(threads, copy_context().run, run)

    def _done(self, work: Work, outcome: Outcome, *, on_loop: bool) -> None:
        self._count(work, outcome)
        took_s = outcome.finished_s - outcome.started_s
        if took_s > QUICK_S and is_slow(took_s, outcome.rows):
            self._slow.add((work.model, work.version), took_s, outcome.finished_s, on_loop=on_loop)
        elif self._slow and outcome.failure is None:
            self._slow.discard((work.model, work.version))

    def _is_small(self, work: Work) -> bool:
        if VERBS[work.verb].publishes or not isinstance(work.data, Table) or work.data.X.size > SMALL_VALUES:
            return False
        if self._slow and self._slow.keeps_off((work.model, work.version), self._clock()):
            return False
        return self._service.may_be_quick(work.model, work.version or 0)  # or it was evicted since

    def _max_stack_rows(self, work: Work) -> int:
        """Return how many rows a shared call of this work may have; 0 if it must have a call of its own."""
        if not VERBS[work.verb].batchable or not stacked_rows(work):
            return 0
        if isinstance(work.data, Table) and work.data.X.size > SMALL_VALUES:
            return 0
        return self._service.max_stack_rows(work)
