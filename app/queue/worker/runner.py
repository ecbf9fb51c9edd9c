"""Runs the jobs of a message: claims them, executes them, and finishes them in the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from app.dispatch.batching import JobWork, execute_batch
from app.dispatch.execute import execute
from app.errors import Failure
from app.model.progress import reporting
from app.queue.ledger.claims import Claim, WorkerLedger
from app.queue.ledger.scripts import LedgerUnavailable
from app.queue.worker.job_progress import JobProgress
from app.schemas.jobs import Outcome
from app.schemas.verbs import VERBS, Verb
from app.service import Service
from app.telemetry.context import on_behalf_of

if TYPE_CHECKING:
    from app.telemetry.tracing import Tracing

CLAIM_TRIES = 30
FINISH_TRIES = 600
PAUSE_S = 1.0
R = TypeVar("R")


class FinishedJob(NamedTuple):
    """A job that this process ran, its outcome as stored, and whether its claim was still valid (`counted`)."""

    claim: Claim
    outcome: Outcome
    counted: bool


class JobRunner:
    """Runs the jobs that it could claim; a message for jobs that are claimed or finished has no effect.

    `on_finished` is called with the jobs that were finished in one call to the ledger.
    """

    def __init__(
        self,
        service: Service,
        ledger: WorkerLedger,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
        on_finished: Callable[[Sequence[FinishedJob]], None] = lambda _: None,
        tracing: Tracing | None = None,
    ) -> None:
        self._service = service
        self._ledger = ledger
        self._clock = clock
        self._pause = pause
        self.on_finished = on_finished
        self._tracing = tracing

    def run(self, verb: Verb, job_ids: Sequence[str]) -> None:
        """Run the jobs: batchable verbs in batches, others one by one, so that few jobs are claimed at a time."""
        if VERBS[verb].batchable:
            self._run_batch(job_ids)
        else:
            for job_id in job_ids:
                self._run_one(job_id)

    def _run_batch(self, job_ids: Sequence[str]) -> None:
        """Finish each batch when it is done: the next one may take long."""
        claimed = self._claim(job_ids)
        works = [
            JobWork(claim.job_id, claim.work, claim.asked, self._report(claim), partial(self._check, claim))
            for claim in claimed
        ]
        for ended in execute_batch(self._service, works, self._clock):
            self._finish([(claimed[index], outcome) for index, outcome in ended])

    def _run_one(self, job_id: str) -> None:
        for claim in self._claim([job_id]):
            with reporting(self._report(claim)), on_behalf_of(claim.asked):
                commit = partial(self._retry_while_unavailable, partial(self._ledger.commit, claim), FINISH_TRIES)
                outcome = execute(self._service, claim.work, job_id, self._clock, commit)
            self._finish([(claim, outcome)])

    def _claim(self, job_ids: Sequence[str]) -> list[Claim]:
        begun_s = self._clock()
        claims = self._retry_while_unavailable(lambda: self._ledger.claim(job_ids), CLAIM_TRIES)
        if self._tracing is not None:
            self._tracing.record_claim([claim.trace for claim in claims], begun_s, self._clock())
        return claims

    def _finish(self, outcomes: Sequence[tuple[Claim, Outcome]]) -> None:
        finished = self._retry_while_unavailable(lambda: self._ledger.finish(outcomes), FINISH_TRIES)
        ended = [
            FinishedJob(claim, _as_stored(outcome, failure), counted)
            for (claim, outcome), (counted, failure) in zip(outcomes, finished, strict=True)
        ]
        if self._tracing is not None:
            for claim, outcome, _ in ended:
                self._tracing.record_run(claim.work, claim.job_id, claim.trace, claim.attempts, outcome)
        self.on_finished(ended)

    def _check(self, claim: Claim) -> None:
        """Raise Superseded for a job that was cancelled: its process goes on with the others of its message."""
        with suppress(LedgerUnavailable):
            self._ledger.check(claim)

    def _report(self, claim: Claim) -> JobProgress:
        return JobProgress(self._ledger, claim, self._clock)

    def _retry_while_unavailable(self, call: Callable[[], R], tries: int) -> R:
        """Call the ledger again while it is down, up to `tries` times, so that finished work is not lost."""
        for _ in range(tries - 1):
            try:
                return call()
            except LedgerUnavailable:
                self._pause(PAUSE_S)
        return call()


def _as_stored(outcome: Outcome, failure: Failure | None) -> Outcome:
    """Return the outcome that the ledger stored: a result that could not be stored is a failure."""
    if failure is outcome.failure:
        return outcome
    return Outcome(outcome.started_s, outcome.finished_s, failure=failure)
