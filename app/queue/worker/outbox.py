"""Delivers the webhooks of finished jobs, in threads: no job waits for a webhook, and no webhook for another host's."""

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
from app.queue.ledger.ledger import Ledger
from app.queue.ledger.maintenance import DueWebhook, LedgerMaintenance
from app.queue.ledger.scripts import LedgerUnavailable
from app.queue.webhooks.delivery import Delivery, deliver, message, next_try
from app.schemas.jobs import envelope

logger = getLogger(__name__)

MAX_CONCURRENT = 16
TAKEN_S = 30.0  # a taken webhook is due again after this time, in case its worker was killed
SCAN_LIMIT = 500  # due webhooks that one step reads
POSTPONE_S = 10.0  # webhooks of a busy host are postponed so that a step reads those behind them


class Outbox:
    """The webhooks that one worker delivers, in a pool of MAX_CONCURRENT threads.

    `chance` returns random numbers in [0, 1), which spread the retries.
    """

    def __init__(
        self,
        maintenance: LedgerMaintenance,
        ledger: Ledger,
        pool: ThreadPoolExecutor,
        secret: str,
        allowed_hosts: frozenset[str],
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._maintenance = maintenance
        self._ledger = ledger
        self._secret = secret
        self._allowed_hosts = allowed_hosts
        self._clock = clock
        self._chance = chance
        self._pool = pool
        self._running: dict[Future[None], str] = {}

    def step(self) -> None:
        """Start the deliveries that are due while threads are free; raise LedgerUnavailable."""
        self._running = {delivery: host for delivery, host in self._running.items() if not delivery.done()}
        if len(self._running) == MAX_CONCURRENT:
            return
        due = self._maintenance.due_webhooks(SCAN_LIMIT)
        hosts = self._select({job_id: _host(url) for job_id, url in due.items()})
        due_in_s = dict.fromkeys(hosts, TAKEN_S)
        if len(due) == SCAN_LIMIT:
            due_in_s |= dict.fromkeys(due.keys() - hosts.keys(), POSTPONE_S)
        taken = self._maintenance.take_webhooks(due_in_s) if due_in_s else set()
        for job_id in hosts.keys() & taken:
            self._running[self._pool.submit(self._deliver_logged, job_id)] = hosts[job_id]

    def _select(self, hosts: Mapping[str, str]) -> dict[str, str]:
        """Select the due webhooks to deliver now, the oldest first; `hosts` maps job ids to hosts.

        A host may have as many running deliveries as there are free threads. So one host alone gets half of the
        threads, several hosts get equal shares, and a dead host never blocks the others (dynamic thresholds: Choudhury
        and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).
        """
        busy = Counter(self._running.values())
        selected: dict[str, str] = {}
        for job_id, host in hosts.items():
            if busy[host] < MAX_CONCURRENT - busy.total():
                busy[host] += 1
                selected[job_id] = host
        return selected

    def _deliver_logged(self, job_id: str) -> None:
        """Deliver a webhook and log errors; it is due again after TAKEN_S unless the ledger recorded the outcome."""
        try:
            self._deliver(job_id)
        except LedgerUnavailable as error:
            logger.warning("webhook of job %s: %s", job_id, error.detail)
        except Exception:
            logger.exception("webhook of job %s", job_id)

    def _deliver(self, job_id: str) -> None:
        """Send a webhook once and record the outcome in the ledger; raise LedgerUnavailable."""
        webhook = self._maintenance.webhook(job_id)
        if webhook is None:  # the job was queued again meanwhile
            return
        done = self._send(job_id, webhook)
        if done is None:
            return
        pause_s = None if done.ok or done.give_up else next_try(webhook.tries + 1, self._chance)
        if not done.ok:
            host = _host(webhook.url)
            suffix = "" if pause_s else "; given up"
            logger.warning("webhook of job %s to %s: %s%s", job_id, host, done.reason, suffix)
        self._maintenance.delivered(job_id, webhook.finished, pause_s)

    def _send(self, job_id: str, webhook: DueWebhook) -> Delivery | None:
        """Return the delivery, None if the job is gone or was queued again meanwhile; raise LedgerUnavailable."""
        try:
            job = self._ledger.job(job_id, with_result=False)  # each thread would hold a large result in memory
        except (NotFound, Gone):
            return None
        if job.finished_s != float(webhook.finished):
            return None
        body = message(job.status, msgspec.Raw(msgspec.json.encode(envelope(job))), job.finished_s)
        # every try has the same id, a later end of the job another; the signature separates its parts by full stops
        message_id = f"{job_id}-{webhook.finished.replace('.', '')}"
        return deliver(webhook.url, message_id, body, self._secret, self._allowed_hosts, self._clock())


def _host(url: str) -> str:
    """Return the host of a URL, '' for a URL that is not valid."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
