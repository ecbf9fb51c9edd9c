"""The ledger for a worker's maintenance threads: leases, lost jobs, lost messages, webhooks, expiry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

import msgspec
from redis import Redis

from app.errors import TimedOut, TrinityError, WorkerLost
from app.queue.ended_jobs import OnEnded, ended_jobs, ignore_ended
from app.queue.ledger.limits import Limits
from app.queue.ledger.scripts import JOB, LANE, Scripts, redis_errors
from app.queue.messages import JobRef
from app.schemas.verbs import Verb

PUBLISH_LIMIT = 500  # jobs of a lane at once
TRIM_LIMIT = 500
TRIM_CALLS = 100
NEARLY_FULL = 0.85  # of the memory that the ledger may take
TIMED_OUT = TimedOut("the job took longer than its timeout")


class HeldJob(NamedTuple):
    """A job that a child of this node claimed together with `size - 1` others, and its state."""

    job_id: str
    fence: int
    child: str
    size: int
    timeout_s: float
    state: Literal["live", "lost", "void"]


class Unpublished(NamedTuple):
    """Jobs whose message is lost: those that may share messages, and those that may not."""

    batched: list[JobRef]
    unbatched: list[JobRef]


class DueWebhook(NamedTuple):
    """A webhook's URL, its number of tries, and when the job finished (a retried job finishes more than once)."""

    url: str
    tries: int
    finished: str


class LedgerMaintenance:
    """What the maintenance threads of a node do in the ledger."""

    def __init__(self, redis: Redis, limits: Limits, node: str, on_ended: OnEnded = ignore_ended) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._limits = limits
        self._node = node
        self._on_ended = on_ended
        self._worker_lost = WorkerLost(f"worker lost {limits.max_attempts} times")

    def ping(self) -> None:
        """Raise LedgerUnavailable unless Redis responds."""
        with redis_errors():
            self._redis.ping()

    def renew(self, children: Iterable[str]) -> list[HeldJob]:
        """Renew the leases of the living children's jobs; return all jobs that the node holds."""
        held = self._scripts("renew", self._node, self._limits.lease_s, *children)
        return [
            HeldJob(job_id.decode(), int(fence), child.decode(), size, float(timeout_s), state.decode())
            for job_id, fence, child, size, timeout_s, state in held
        ]

    def time_out(self, held: HeldJob) -> bool:
        """Fail a job whose time is over; return False if its effect is being made visible."""
        failure = msgspec.json.encode(TIMED_OUT.failure())
        failed = self._scripts("fail", held.job_id, held.fence, *self._limits.ttls_s, failure, 0)
        self._on_ended(ended_jobs(failed), TIMED_OUT.kind)
        return bool(failed)

    def requeue(
        self,
        jobs: Sequence[HeldJob],
        *,
        count_attempt: bool = True,
        worker_lost: bool = False,
        unbatched: bool = False,
        stopped: bool = False,
    ) -> None:
        """Queue jobs of this node again; a job whose attempts are used up fails.

        Their worker was lost (`worker_lost`), or their time is over. `unbatched` jobs run alone from now on. Their
        process was `stopped` on purpose: that attempt is counted, but uses none up.
        """
        if jobs:
            error = self._worker_lost if worker_lost else TIMED_OUT
            fences = [word for held in jobs for word in (held.job_id, held.fence)]
            arguments = self._limits.requeue_arguments(
                error, count_attempt=count_attempt, worker_lost=worker_lost, unbatched=unbatched, stopped=stopped
            )
            self._requeue(error, arguments, fences)

    def requeue_expired(self) -> int:
        """Queue the jobs of any node whose lease is over again; return how many wait now."""
        arguments = self._limits.requeue_arguments(self._worker_lost, worker_lost=True)
        return self._requeue(self._worker_lost, arguments)

    def _requeue(self, error: TrinityError, arguments: Sequence[Any], fences: Sequence[str | int] = ()) -> int:
        waiting, *failed = self._scripts("requeue", *arguments, *fences)
        self._on_ended(ended_jobs(failed), error.kind)
        return cast("int", waiting)

    def unpublished(self, verb: Verb, grace_s: float, *, empty: bool) -> Unpublished:
        """Return the waiting jobs whose message must be lost; `empty`: the broker holds no message in the lane."""
        batched, unbatched = self._scripts("find_unpublished", verb, grace_s, int(empty), PUBLISH_LIMIT)
        return Unpublished(_refs(batched), _refs(unbatched))

    def waiting(self, verb: Verb) -> int:
        """Return how many jobs wait in a lane."""
        with redis_errors():
            return self._redis.zcard(f"{LANE}{verb}")

    def due_webhooks(self, at_most: int) -> dict[str, str]:
        """Return the URLs of webhooks that are due, oldest first, by job id; they are not taken yet."""
        return {job_id.decode(): url.decode() for job_id, url in self._scripts("outbox", at_most)}

    def take_webhooks(self, again_in_s: Mapping[str, float]) -> set[str]:
        """Postpone webhooks by so many seconds each, by job id; return those that no other worker has taken."""
        words = [word for pair in again_in_s.items() for word in pair]
        return {job_id.decode() for job_id in self._scripts("take_webhooks", *words)}

    def webhook(self, job_id: str) -> DueWebhook | None:
        """Return the webhook of a job that is finished."""
        with redis_errors():
            found = self._redis.hmget(f"{JOB}{job_id}", ["webhook", "webhook_tries", "finished"])
        url, tries, finished = cast("list[bytes | None]", found)
        return None if url is None or finished is None else DueWebhook(url.decode(), int(tries or 0), finished.decode())

    def delivered(self, job_id: str, finished: str, next_try_s: float | None) -> None:
        """Store that the webhook was tried for that time, and when to try next (None: not again)."""
        pause = "" if next_try_s is None else next_try_s
        self._scripts("delivered", job_id, finished, pause, self._limits.result_ttl_s)

    def trim(self) -> None:
        """Remove expired jobs from the list."""
        kept = 0
        for _ in range(TRIM_CALLS):
            seen, removed = self._scripts("trim", self._limits.result_ttl_s, kept, TRIM_LIMIT)
            kept += seen - removed
            if seen < TRIM_LIMIT:
                return

    def evict_oldest(self) -> int:
        """Expire the oldest successful jobs if the ledger is nearly full; return how many."""
        with redis_errors():
            memory = self._redis.info("memory")
        if not memory["maxmemory"] or memory["used_memory"] < NEARLY_FULL * memory["maxmemory"]:
            return 0
        return cast("int", self._scripts("evict", TRIM_LIMIT))

    def needs_payload(self, name: str) -> bool:
        """Whether the ledger has the job of a file in the store; files are named after their jobs."""
        with redis_errors():
            return bool(self._redis.exists(f"{JOB}{name.partition('.')[0]}"))


def _refs(answer: Sequence[tuple[bytes, bytes]]) -> list[JobRef]:
    return [JobRef(job_id.decode(), model.decode()) for job_id, model in answer]
