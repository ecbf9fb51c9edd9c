"""The jobs in Redis, as the web processes and the workers see them: accept, claim, finish, read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from app.errors import Failure, Unavailable
from app.schemas import Job, Outcome, Status, Verb, Work, pack, unpack

CHANNEL = "trinity:finished"
PENDING = "trinity:pending"
TIMEOUT_S = 2.0


class LedgerUnavailable(Unavailable):
    """The ledger's Redis doesn't answer, or refuses to write."""


class Claim(NamedTuple):
    """A job that this worker, and no other, may finish; `fence` tells its claim from earlier and later ones."""

    job_id: str
    fence: int
    work: Work


def connect(url: str) -> Redis:
    """Return a client of the ledger's Redis; it connects at its first command, and not before."""
    return Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, health_check_interval=30)


class Ledger:
    """Every call takes many jobs and is one atomic step; times are those of Redis, so no two clocks can disagree."""

    def __init__(self, redis: Redis, result_ttl_s: int, max_pending: int) -> None:
        self._redis = redis
        self._result_ttl_s = result_ttl_s
        self._max_pending = max_pending
        self._accept = redis.register_script(_script("accept"))
        self._claim = redis.register_script(_script("claim"))
        self._finish = redis.register_script(_script("finish"))
        self._discard = redis.register_script(_script("discard"))

    def ping(self) -> None:
        """Raise LedgerUnavailable unless Redis answers."""
        with _answering():
            self._redis.ping()

    def accept(self, jobs: Sequence[tuple[str, Work]]) -> list[Job]:
        """Commit jobs (ids with their work) while there is room; return those accepted, which are the first ones."""
        arguments: list[Any] = [self._max_pending]
        for job_id, work in jobs:
            arguments += [job_id, work.verb, work.model, work.version or "", pack(work)]
        with _answering():
            count, now = self._accept([PENDING, *(_key(job_id) for job_id, _ in jobs)], arguments)
        return [_accepted(job_id, work, float(now)) for job_id, work in jobs[:count]]

    def discard(self, job_ids: Sequence[str]) -> list[str]:
        """Forget jobs that no worker has claimed; return which they were."""
        with _answering():
            forgotten = self._discard([PENDING, *map(_key, job_ids)], job_ids)
        return [job_id.decode() for job_id in forgotten]

    def claim(self, job_ids: Sequence[str]) -> list[Claim]:
        """Take the jobs that still wait; those that are unknown, taken or finished are left out."""
        with _answering():
            claimed = self._claim([PENDING, *map(_key, job_ids)], job_ids)
        return [Claim(job_id.decode(), fence, unpack(work)) for job_id, fence, work in claimed]

    def finish(self, outcomes: Sequence[tuple[Claim, Outcome]]) -> int:
        """Store how claimed jobs ended; return how many of the claims still counted."""
        arguments: list[Any] = [self._result_ttl_s]
        for claim, outcome in outcomes:
            failure = outcome.failure
            version = claim.work.version if failure else outcome.version
            arguments += [claim.job_id, claim.fence, "FAILURE" if failure else "SUCCESS", version or ""]
            arguments += [bytes(outcome.result or b""), msgspec.json.encode(failure) if failure else b""]
        with _answering():
            return cast("int", self._finish([CHANNEL, *(_key(claim.job_id) for claim, _ in outcomes)], arguments))

    def job(self, job_id: str) -> Job | None:
        """Return a job, or None when there is none of that id."""
        with _answering():
            values = self._redis.hmget(_key(job_id), _FIELDS)
        return _read(job_id, cast("list[bytes | None]", values))

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


_FIELDS = ["status", "verb", "model", "version", "created", "started", "finished", "result", "failure"]


def _key(job_id: str) -> str:
    return f"trinity:job:{job_id}"


def _script(name: str) -> str:
    return Path(__file__).with_name(f"{name}.lua").read_text(encoding="utf-8")


@contextmanager
def _answering() -> Iterator[None]:
    """Turn whatever Redis has against a command into the one error that callers are told."""
    try:
        yield
    except RedisError as error:
        raise LedgerUnavailable(f"the ledger doesn't take the command ({type(error).__name__}); try again") from error


def _accepted(job_id: str, work: Work, now_s: float) -> Job:
    return Job(id=job_id, verb=work.verb, model=work.model, version=work.version, status="PENDING", created_s=now_s)


def _read(job_id: str, values: list[bytes | None]) -> Job | None:
    status, verb, model, version, created, started, finished, result, failure = values
    if status is None or verb is None or model is None or created is None:
        return None
    return Job(
        id=job_id,
        verb=cast("Verb", verb.decode()),
        model=model.decode(),
        version=int(version) if version else None,
        status=cast("Status", status.decode()),
        created_s=float(created),
        started_s=float(started) if started else None,
        finished_s=float(finished) if finished else None,
        result=msgspec.Raw(result) if result else None,
        failure=msgspec.json.decode(failure, type=Failure) if failure else None,
    )
