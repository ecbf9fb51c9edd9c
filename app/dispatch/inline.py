"""Sync mode: the web process runs the model, small predictions on its event loop, all else in its threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.dispatch.dispatcher import IdempotencyKey
from app.dispatch.execute import Clock, execute, finished_job
from app.errors import Busy, NotFound
from app.schemas.ids import new_id
from app.schemas.jobs import Event, Job, JobQuery, Outcome
from app.schemas.requests import Table, Work
from app.schemas.verbs import VERBS
from app.service import Service

SMALL_VALUES = 4_096  # numbers in X up to which a prediction costs less than to switch threads
SLOW_S = 0.005  # a model that took longer on the loop, SLOW_CALLS times in a row, is called in a thread while it does
SLOW_CALLS = 2


class InlineDispatcher:
    """Does the work before it answers; there is no queue and nothing is kept but the models.

    `count` is called on the event loop with each work that was done.
    """

    def __init__(
        self,
        service: Service,
        pool: ThreadPoolExecutor,
        max_fits: int,
        clock: Clock = time.time,
        count: Callable[[Work, Outcome], None] = lambda *_: None,
    ) -> None:
        self._service = service
        self._pool = pool
        self._fits = ThreadPoolExecutor(max_fits, thread_name_prefix="fit")
        self._free_fits = max_fits
        self._clock = clock
        self._count = count
        self._slow_calls: dict[tuple[str, int | None], int] = {}

    async def submit(self, work: Work, key: IdempotencyKey | None = None, *, as_array: bool = False) -> Job:
        """Do the work and return its finished job; raise Busy when TRINITY_MAX_FITS fits are running.

        A key makes the id of the job: a fit that is sent again finds the version that it made.
        """
        if self._small(work):
            return self._done_on_loop(work, as_array=as_array)
        created, job_id = self._clock(), new_id() if key is None else f"{key.key[:16]}{key.request[:16]}"
        if VERBS[work.verb].publishes:
            outcome = await self._fit(work, job_id)
        else:
            outcome = await self._threaded(self._pool, work, job_id, as_array=as_array)
        return finished_job(job_id, work, created, outcome)

    def _done_on_loop(self, work: Work, *, as_array: bool) -> Job:
        job_id = new_id()
        outcome = execute(self._service, work, job_id, self._clock, as_array=as_array)
        self._count(work, outcome)
        if self._slow_calls or outcome.finished_s - outcome.started_s > SLOW_S:
            self._note_pace(work, outcome.finished_s - outcome.started_s)
        return finished_job(job_id, work, outcome.started_s, outcome)

    async def job(self, job_id: str, wait_s: float, past_stop_s: float = 0) -> Job:  # noqa: ARG002
        """Raise NotFound: what was done inline was answered at once."""
        raise _no_jobs()

    def events(self, job_id: str, after: int) -> AsyncIterator[Event | None]:  # noqa: ARG002
        """Raise NotFound."""
        raise _no_jobs()

    async def jobs(self, page: JobQuery) -> tuple[list[Job], str | None]:  # noqa: ARG002
        """Raise NotFound."""
        raise _no_jobs()

    def latest_jobs(self) -> AsyncIterator[list[Job] | None]:
        """Raise NotFound."""
        raise _no_jobs()

    async def cancel(self, job_id: str) -> Job:  # noqa: ARG002
        """Raise NotFound."""
        raise _no_jobs()

    async def retry(self, job_id: str) -> Job:  # noqa: ARG002
        """Raise NotFound."""
        raise _no_jobs()

    def stop_waiting(self) -> None:
        """Do nothing: here the work itself is awaited, and it is finished before the process ends."""

    async def close(self) -> None:
        """Let running fits end."""
        await asyncio.to_thread(self._fits.shutdown)

    async def _fit(self, work: Work, job_id: str) -> Outcome:
        if not self._free_fits:
            raise Busy("this process can run no more fits now (TRINITY_MAX_FITS); try again")
        self._free_fits -= 1
        future = self._threaded(self._fits, work, job_id)
        future.add_done_callback(self._fit_ended)  # when it ends, and not when a client that hung up stops waiting
        return await asyncio.shield(future)

    def _threaded(
        self, threads: ThreadPoolExecutor, work: Work, job_id: str, *, as_array: bool = False
    ) -> asyncio.Future[Outcome]:
        run = partial(execute, self._service, work, job_id, self._clock, as_array=as_array)
        future = asyncio.get_running_loop().run_in_executor(threads, run)
        future.add_done_callback(partial(self._done_in_thread, work))
        return future

    def _done_in_thread(self, work: Work, done: asyncio.Future[Outcome]) -> None:
        if done.cancelled():
            return
        outcome = done.result()
        self._count(work, outcome)
        if outcome.finished_s - outcome.started_s <= SLOW_S:  # it was the machine that was slow, and not the model
            self._slow_calls.pop((work.model, work.version), None)

    def _fit_ended(self, _: object) -> None:
        self._free_fits += 1

    def _note_pace(self, work: Work, took_s: float) -> None:
        key = (work.model, work.version)
        if took_s > SLOW_S:
            self._slow_calls[key] = self._slow_calls.get(key, 0) + 1
        else:
            self._slow_calls.pop(key, None)

    def _small(self, work: Work) -> bool:
        if VERBS[work.verb].publishes or not isinstance(work.data, Table) or work.data.X.size > SMALL_VALUES:
            return False
        return not self._slow_calls or self._slow_calls.get((work.model, work.version), 0) < SLOW_CALLS


def _no_jobs() -> NotFound:
    return NotFound("sync mode has no queue and so no jobs; the answer to /fit, /predict and /score is the result")
