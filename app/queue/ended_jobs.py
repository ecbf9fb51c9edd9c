"""Log lines of jobs that were ended by a process that did not run them: cancelled, out of time, lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from app.schemas.decoding import json_decoder
from app.schemas.jobs import Status
from app.schemas.verbs import Verb
from app.telemetry.log_records import JobLine, Sink, stamp


class EndedJob(NamedTuple):
    """A job as the script that ended it describes it (`ended` in common.lua)."""

    job_id: str
    verb: Verb
    model: str
    version: str
    """'' if it has none."""
    status: Status
    attempts: int
    ran_s: float
    """How long its last attempt ran, 0 if it waited."""
    request_id: str
    key_name: str


OnEnded: TypeAlias = Callable[[Sequence[EndedJob], str], None]
"""Called with the jobs that one call of a script ended, and the kind of their failure."""

_ended = json_decoder(EndedJob)


def ignore_ended(jobs: Sequence[EndedJob], kind: str) -> None:
    """Write no lines."""


def ended_jobs(lines: Sequence[bytes]) -> list[EndedJob]:
    """Decode what a script returned."""
    return [_ended.decode(line) for line in lines]


def log_ended(sink: Sink, jobs: Sequence[EndedJob], kind: str, clock: Callable[[], float] | None = None) -> None:
    """Write the lines of jobs that ended together."""
    now = stamp(clock)
    if jobs:
        sink([_line(now, job, kind) for job in jobs])


def _line(now: str, job: EndedJob, kind: str) -> JobLine:
    return JobLine(
        timestamp=now,
        level="info",
        event="job",
        job_id=job.job_id,
        verb=job.verb,
        model=job.model,
        version=int(job.version) if job.version else None,
        status=job.status,
        attempts=job.attempts,
        duration_ms=round(job.ran_s * 1000, 3),
        rows=0,
        counted=True,
        request_id=job.request_id,
        key_name=job.key_name or msgspec.UNSET,
        error=kind,
    )
