"""Jobs, and the envelope that every verb responds with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.errors import Failure
from app.schemas.problems import Problem, problem
from app.schemas.tables import Matrix
from app.schemas.verbs import Verb

Time: TypeAlias = Annotated[datetime, Meta(tz=True)]
Status: TypeAlias = Literal["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED"]
FINISHED: frozenset[Status] = frozenset({"SUCCESS", "FAILURE", "REVOKED"})


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How work ended: `result` as JSON or `failure`, and when (seconds since the epoch)."""

    started_s: float
    finished_s: float
    version: int | None = None
    result: msgspec.Raw | None = None
    failure: Failure | None = None
    rows: int = 0
    """The number of rows of its data, 0 if unknown."""
    array: Matrix | None = None
    """The predictions themselves, instead of `result`, if an array was requested."""


class Job(msgspec.Struct, kw_only=True, gc=False):
    """The state of one piece of work, in either mode; times are seconds since the epoch."""

    id: str
    verb: Verb
    model: str
    version: int | None
    status: Status
    created_s: float
    started_s: float | None = None
    finished_s: float | None = None
    result: msgspec.Raw | None = None
    failure: Failure | None = None
    attempts: int = 0
    """How many times it was started."""
    position: int | None = None
    """Its position in the queue while it waits, from 1."""
    progress: float | None = None
    """The completed share while it runs, from 0 to 1."""
    step: str = ""
    """Its current step, as reported by its model."""
    unbatched: bool = False
    """Whether it runs alone, in a message of its own."""
    array: Matrix | None = None
    """The predictions themselves, instead of `result`, if an array was requested and computed in this process."""
    key_name: str = ""
    """The name of the API key of its request, '' if no keys are required."""
    queued: bool = True
    """Whether it went through the queue, where clients can read it."""

    @property
    def finished(self) -> bool:
        """Whether the status is final."""
        return self.status in FINISHED


class JobQuery(NamedTuple):
    """A query of the list of jobs; `cursor` is the end of the page before."""

    limit: int
    cursor: str | None = None
    status: str | None = None
    verb: str | None = None
    model: str | None = None

    @property
    def filtered(self) -> bool:
        """Whether it has a filter."""
        return (self.status, self.verb, self.model) != (None, None, None)

    def wants(self, job: Job) -> bool:
        """Whether a job passes the filters."""
        return self.status in {None, job.status} and self.verb in {None, job.verb} and self.model in {None, job.model}


class Event(NamedTuple):
    """One event of a job: its number, and its data as JSON."""

    seq: int
    data: bytes


class Envelope(msgspec.Struct, gc=False):
    """The response of every verb in both modes; times are RFC 3339 in UTC."""

    id: str
    verb: Verb
    model: str
    version: int | None
    status: Status
    result: msgspec.Raw | None
    error: Problem | None
    created: Time
    started: Time | None
    finished: Time | None
    links: dict[str, str]
    attempts: int | UnsetType = UNSET
    """How many times it was started, if more than once."""
    position: int | UnsetType = UNSET
    """Its position in the queue, from 1, while it waits."""
    progress: float | UnsetType = UNSET
    """The completed share, from 0 to 1, while it runs and its model reports progress."""
    step: str | UnsetType = UNSET
    """Its current step, if its model reports it, such as `page 12 of 30`."""
    by: str | UnsetType = UNSET
    """The name of the API key of its request, if keys are required."""


def envelope(job: Job, root_path: str = "") -> Envelope:
    """Return the job as the response of every verb; its links lead below `root_path`."""
    links = {"self": f"{root_path}/jobs/{job.id}", "result": f"{root_path}/jobs/{job.id}/result"} if job.queued else {}
    if job.version is not None:
        links["model"] = f"{root_path}/models/{job.model}/versions/{job.version}"
    created = datetime.fromtimestamp(job.created_s, UTC)
    return Envelope(
        id=job.id,
        verb=job.verb,
        model=job.model,
        version=job.version,
        status=job.status,
        result=result_below(job, root_path),
        error=None if job.failure is None else problem(job.failure),
        created=created,
        started=created if job.started_s == job.created_s else _time(job.started_s),
        finished=_time(job.finished_s),
        links=links,
        attempts=job.attempts if job.attempts > 1 else UNSET,
        position=UNSET if job.position is None else job.position,
        progress=UNSET if job.progress is None else job.progress,
        step=job.step or UNSET,
        by=job.key_name or UNSET,
    )


def result_below(job: Job, root_path: str) -> msgspec.Raw | None:
    """Return the result of a job; the addresses of its files lead below `root_path`.

    The bytes that are replaced begin with a quotation mark, so they are no part of a text.
    """
    if not root_path or job.result is None:
        return job.result
    here = f'"href":"/jobs/{job.id}/result/file'
    return msgspec.Raw(bytes(job.result).replace(here.encode(), here.replace("/jobs", f"{root_path}/jobs", 1).encode()))


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
