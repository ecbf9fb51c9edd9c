"""Delivers the webhooks of finished jobs from threads of its own: no job waits for one, nor one webhook for another."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from logging import getLogger
from urllib.parse import urlsplit

import msgspec

from app.errors import Gone, NotFound
from app.queue.ledger import DueWebhook, Ledger, LedgerMaintenance, LedgerUnavailable
from app.queue.webhooks.delivery import Delivery, deliver
from app.queue.webhooks.messages import message
from app.queue.webhooks.retry_schedule import next_try
from app.schemas.jobs import envelope

logger = getLogger(__name__)

AT_ONCE = 16
AGAIN_S = 30.0  # when a webhook is due again whose worker was killed while it delivered
LOOK_AT = 500  # webhooks that are due, in one step
PASSED_OVER_S = 10.0  # for how long those of a busy host make way when there are so many that others may be behind them


class Outbox:
    """`chance` gives random numbers from 0 to 1, which keep many tries from coming at once."""

    def __init__(
        self,
        keeping: LedgerMaintenance,
        ledger: Ledger,
        secret: str,
        allowed_hosts: frozenset[str],
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._keeping = keeping
        self._ledger = ledger
        self._secret = secret
        self._allowed_hosts = allowed_hosts
        self._clock = clock
        self._chance = chance
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")
        self._running: dict[Future[None], str] = {}

    def step(self) -> None:
        """Begin to deliver what is due, as far as threads are free; raise LedgerUnavailable."""
        self._running = {delivery: host for delivery, host in self._running.items() if not delivery.done()}
        if len(self._running) == AT_ONCE:
            return
        due = self._keeping.due_webhooks(LOOK_AT)
        hosts = self._shared({job_id: _host(url) for job_id, url in due.items()})
        again_in_s = dict.fromkeys(hosts, AGAIN_S)
        if len(due) == LOOK_AT:
            again_in_s |= dict.fromkeys(due.keys() - hosts.keys(), PASSED_OVER_S)
        taken = self._keeping.take_webhooks(again_in_s) if again_in_s else set()
        for job_id in hosts.keys() & taken:
            self._running[self._pool.submit(self._guarded, job_id)] = hosts[job_id]

    def close(self) -> None:
        """Wait for the deliveries that run."""
        self._pool.shutdown()

    def _shared(self, hosts: Mapping[str, str]) -> dict[str, str]:
        """Choose of the due webhooks, given with their hosts, those to be delivered now, oldest first.

        A host may have as many deliveries under way as threads are free: alone half of them, and of several hosts each
        as many as any other, so that one which is dead leaves room for all others (dynamic thresholds: Choudhury and
        Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).
        """
        busy = Counter(self._running.values())
        chosen: dict[str, str] = {}
        for job_id, host in hosts.items():
            if busy[host] < AT_ONCE - busy.total():
                busy[host] += 1
                chosen[job_id] = host
        return chosen

    def _guarded(self, job_id: str) -> None:
        """Try a webhook; whatever happens, it is due again after a while unless the ledger was told otherwise."""
        try:
            self._try(job_id)
        except LedgerUnavailable as error:
            logger.warning("webhook of job %s: %s", job_id, error.detail)
        except Exception:
            logger.exception("webhook of job %s", job_id)

    def _try(self, job_id: str) -> None:
        webhook = self._keeping.webhook(job_id)
        if webhook is None:  # it was queued again meanwhile
            return
        done = self._deliver(job_id, webhook)
        if done is None:
            return
        pause_s = None if done.ok or done.give_up else next_try(webhook.tries + 1, self._chance)
        if not done.ok:
            host = _host(webhook.url)
            end = "" if pause_s else "; given up"
            logger.warning("webhook of job %s to %s: %s%s", job_id, host, done.reason, end)
        self._keeping.delivered(job_id, webhook.ended, pause_s)

    def _deliver(self, job_id: str, webhook: DueWebhook) -> Delivery | None:
        """Return how it went, None when the job is gone or was queued again meanwhile; raise LedgerUnavailable."""
        try:
            job = self._ledger.job(job_id, whole=False)  # large results would be held by as many threads as there are
        except (NotFound, Gone):
            return None
        if job.finished_s != float(webhook.ended):
            return None
        body = message(job.status, msgspec.Raw(msgspec.json.encode(envelope(job, queued=True))), job.finished_s)
        # the same for every try, and another when a job ends anew; full stops divide what is signed, so it has none
        message_id = f"{job_id}-{webhook.ended.replace('.', '')}"
        return deliver(webhook.url, message_id, body, self._secret, self._allowed_hosts, self._clock())


def _host(url: str) -> str:
    """Return whom a URL calls; '' for one that nobody could have accepted."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
