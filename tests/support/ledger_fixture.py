"""The ledger on a real server as its users see it: web, workers' processes and keepers; and time that passes there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np
from redis import Redis

from app.errors import Failure, Fault, TrinityError
from app.queue.ended_jobs import EndedJob
from app.queue.ledger.acceptance import Duplicate, Submission
from app.queue.ledger.claims import Claim, WorkerLedger
from app.queue.ledger.ledger import Ledger
from app.queue.ledger.limits import Limits
from app.queue.ledger.maintenance import HeldJob, LedgerMaintenance
from app.queue.ledger.scripts import connect
from app.schemas.jobs import Job, Outcome
from app.schemas.requests import Work
from app.schemas.tables import Table
from app.schemas.verbs import Verb
from app.storage.payload_store import Payloads
from tests.support.fakes import work

TTL_S = 100
DONE = Outcome(1.0, 2.0, 7, msgspec.Raw(b'{"y":[1.5]}'))
FAILED = Outcome(1.0, 2.0, failure=Failure("invalid", "no", [Fault("/data/X", "too far")]))
LARGE = Outcome(1.0, 2.0, 7, msgspec.Raw(b'{"y":[' + b"1.5," * 50_000 + b"1.5]}"))
LIMITS = Limits(TTL_S, max_pending=1000, max_attempts=3, lease_s=60)


class LedgerFixture:
    """`limits` are those of all that it makes; `node` and `child` have names of their own unless a test gives some."""

    def __init__(self, url: str, redis: Redis, folder: Path, limits: Limits = LIMITS) -> None:
        self.url, self.redis, self.folder, self.limits = url, redis, folder, limits
        self.payloads = Payloads(folder)
        self._opened: list[Any] = []
        self.ended_elsewhere: list[tuple[EndedJob, str]] = []  # by others than the processes that ran them, and why
        self.ledger = self.web()

    def bounded(self, **limits: Any) -> "LedgerFixture":
        """The same ledgers under other limits."""
        other = LedgerFixture(self.url, self.redis, self.folder, self.limits._replace(**limits))
        self._opened.append(other)
        return other

    def web(self) -> Ledger:
        """The ledger of one more web process."""
        return Ledger(self._connect(), self.payloads, self.limits, self._on_ended)

    def worker(self, child: str = "1", node: str = "node") -> WorkerLedger:
        """The claims of a process."""
        return WorkerLedger(self._connect(), self.payloads, self.limits, node, child, self._on_ended)

    def maintenance(self, node: str = "node") -> LedgerMaintenance:
        """What a node's keeper has."""
        return LedgerMaintenance(self._connect(), self.limits, node, self._on_ended)

    def accept(self, count: int = 1, submitted: Work | None = None, timeout_s: float = 60) -> list[str]:
        """Commit so many jobs in one call; return the ids of those accepted."""
        submissions = [Submission(uuid4().hex, submitted or work(), timeout_s) for _ in range(count)]
        return [answer.id for answer in self.submit(*submissions) if isinstance(answer, Job)]

    def submit(self, *submissions: Submission) -> list[Job | Duplicate | TrinityError]:
        """What becomes of work that is kept and then committed in one call."""
        return self.ledger.accept([(each, self.ledger.store_work(each.job_id, each.work)) for each in submissions])

    def claim(self, job_id: str, child: str = "1", node: str = "node") -> Claim:
        """The claim of one job that waits."""
        (claimed,) = self.worker(child, node).claim([job_id])
        return claimed

    def started(self, submitted: Work | None = None, timeout_s: float = 60) -> Claim:
        """The claim of a new job."""
        return self.claim(*self.accept(1, submitted, timeout_s))

    def finish(self, claim: Claim, outcome: Outcome = DONE) -> bool:
        """Whether the claim counted."""
        (finished,) = self.worker().finish([(claim, outcome)])
        return finished.counted

    def ended(self, outcome: Outcome = DONE) -> str:
        """A job that ended so."""
        claim = self.started()
        assert self.finish(claim, outcome)
        return claim.job_id

    def lose(self, job_id: str, *, count_attempt: bool = True) -> None:
        """Have the job's worker lost, or release the job."""
        (held,) = [one for one in self.held() if one.job_id == job_id]
        self.maintenance().requeue([held], count_attempt=count_attempt, worker_lost=count_attempt)

    def held(self, *children: str) -> list[HeldJob]:
        """What the keeper of the node holds when these children live."""
        return self.maintenance().renew(children)

    def status(self, job_id: str) -> str:
        """How the job stands, or why it can't be told."""
        return self.status_and_attempts(job_id)[0]

    def status_and_attempts(self, job_id: str) -> tuple[str, int]:
        """Its status, or why it can't be told, and how often it was started."""
        try:
            job = self.ledger.job(job_id)
        except TrinityError as error:
            return type(error).__name__, 0
        return job.status, job.attempts

    def expire(self, job_id: str) -> None:
        """Let the time pass for which a finished job is kept."""
        assert self.redis.ttl(f"trinity:job:{job_id}") > 0
        self.redis.delete(f"trinity:job:{job_id}")

    def end_lease(self, job_id: str) -> None:
        """Let the time of a lease pass."""
        assert self.redis.zadd("trinity:leases", {job_id: 1}, xx=True, ch=True) == 1

    def published_ago(self, job_id: str, verb: Verb, ago_s: float) -> None:
        """Have the last message for a waiting job sent so long ago."""
        sent = self.redis.time()[0] - ago_s
        assert self.redis.zadd(f"trinity:rung:{verb}", {job_id: sent}, xx=True, ch=True) == 1

    def files(self) -> list[str]:
        """The names of the payloads that are kept."""
        return sorted(path.name for path in self.folder.glob("payloads/*/*"))

    def close(self) -> None:
        """Close all that was opened."""
        for each in self._opened:
            each.close()

    def _on_ended(self, jobs: Sequence[EndedJob], kind: str) -> None:
        self.ended_elsewhere += [(job, kind) for job in jobs]

    def _connect(self) -> Redis:
        redis = connect(self.url)
        self._opened.append(redis)
        return redis


def large(verb: Verb = "predict") -> Work:
    """Work too large to be kept in the ledger itself."""
    return Work(verb, "mean", None if verb == "fit" else 1, {}, Table(np.arange(20_000.0).reshape(-1, 2)))
