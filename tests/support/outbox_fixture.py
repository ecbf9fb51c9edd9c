"""Outboxes over a ledger on a real server, finished jobs with webhooks, and slow receivers."""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler

from app.queue.ledger.acceptance import Submission
from app.queue.worker.outbox import MAX_CONCURRENT, Outbox
from app.schemas.jobs import Outcome
from app.schemas.requests import Work
from tests.support.fakes import Clock, Gate, work
from tests.support.ledger_fixture import DONE, TTL_S, LedgerFixture
from tests.support.receiver import Receiver, status
from tests.support.servers import until

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
HOSTS = frozenset({"127.0.0.1", "127.0.0.2", "127.0.0.3"})
CHANCE = 0.75


class OutboxFixture:
    """Outboxes over one ledger, and jobs in it that have webhooks."""

    def __init__(self, ledgers: LedgerFixture, stack: ExitStack) -> None:
        self.ledgers, self.clock = ledgers, Clock()
        self._stack = stack
        self._outbox = self.one_more()

    def step(self) -> None:
        """Let the outbox start what is due."""
        self._outbox.step()

    def close(self) -> None:
        """Wait for the outbox's running deliveries."""
        self._pool.shutdown()

    def replace(self) -> None:
        """Continue with a new outbox."""
        self._outbox = self.one_more()

    def one_more(self) -> Outbox:
        """The outbox of one more worker."""
        maintenance, ledger = self.ledgers.maintenance(), self.ledgers.web()
        self._pool = self._stack.enter_context(ThreadPoolExecutor(MAX_CONCURRENT))
        return Outbox(maintenance, ledger, self._pool, SECRET, HOSTS, self.clock, lambda: CHANCE)

    def ended(self, job_id: str, url: str, outcome: Outcome = DONE) -> str:
        """A finished job with this outcome and a webhook."""
        submitted = Work("predict", "mean", 1, {}, work().data, webhook=url)
        self.ledgers.submit(Submission(job_id, submitted, 60))
        assert self.ledgers.finish(self.ledgers.claim(job_id), outcome)
        return job_id

    def many_ended(self, count: int, url: str) -> list[str]:
        """Successful jobs, each with a webhook."""
        submitted = Work("predict", "mean", 1, {}, work().data, webhook=url)
        job_ids = self.ledgers.accept(count, submitted)
        worker = self.ledgers.worker()
        worker.finish([(claim, DONE) for claim in worker.claim(job_ids)])
        return job_ids

    def due_in_s(self, job_id: str) -> float | None:
        """Seconds until a webhook is due, None if it is finished with."""
        due_s = self.ledgers.redis.zscore("trinity:outbox", job_id)
        seconds, micros = self.ledgers.redis.time()
        return None if due_s is None else due_s - seconds - micros / 1e6

    def make_due(self, job_id: str) -> None:
        """Make the next try due now."""
        assert self.ledgers.redis.zadd("trinity:outbox", {job_id: 1}, xx=True, ch=True) == 1

    def tries(self, job_id: str) -> int:
        """How often the webhook was tried."""
        return int(self.ledgers.redis.hget(f"trinity:job:{job_id}", "webhook_tries") or 0)

    def try_once(self, job_id: str) -> None:
        """Let the outbox try a due webhook, and wait until the ledger has recorded the try."""
        tried = self.tries(job_id) + 1
        self.step()
        until(lambda: self.tries(job_id) == tried, f"try {tried}")

    def given_up(self, job_id: str) -> bool:
        """Whether no further try follows and the job expires."""
        return self.due_in_s(job_id) is None and 0 < self.ttl_s(job_id) <= TTL_S

    def ttl_s(self, job_id: str) -> int:
        """Seconds for which the job is kept, -1 for ever."""
        return int(self.ledgers.redis.ttl(f"trinity:job:{job_id}"))


def held_by(gate: Gate) -> Callable[[Receiver, BaseHTTPRequestHandler], None]:
    """A response that waits until the gate is open."""

    def answer(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
        gate.enter()
        status(200)(receiver, handler)

    return answer
