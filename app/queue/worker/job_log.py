"""Writes a log line for each job that a worker ran."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from app.queue.worker.runner import FinishedJob
from app.telemetry.log_records import JobLine, Sink, stamp


def log_jobs(sink: Sink, jobs: Sequence[FinishedJob], clock: Callable[[], float] | None = None) -> None:
    """Write the lines of jobs that were finished together."""
    now = stamp(clock)
    sink([_line(now, each) for each in jobs])


def _line(now: str, job: FinishedJob) -> JobLine:
    claim, outcome, counted = job
    work, failure = claim.work, outcome.failure
    return JobLine(
        timestamp=now,
        level="info",
        event="job",
        job_id=claim.job_id,
        verb=work.verb,
        model=work.model,
        version=outcome.version or work.version,
        status="SUCCESS" if failure is None else "FAILURE",
        attempts=claim.attempts,
        duration_ms=round((outcome.finished_s - outcome.started_s) * 1000, 3),
        rows=outcome.rows,
        counted=counted,
        request_id=claim.request_id,
        key_name=claim.key_name or msgspec.UNSET,
        error=msgspec.UNSET if failure is None else failure.kind,
    )
