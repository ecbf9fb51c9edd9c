"""Delivers the webhooks of finished jobs from threads of its own: no job waits for one, nor one webhook for another."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from logging import getLogger
from urllib.parse import urlsplit

import msgspec

from app.envelopes import envelope
from app.errors import TrinityError
from app.ledger import Keeping, Ledger, LedgerUnavailable, Webhook
from app.webhooks import Delivery, deliver, message, next_try

logger = getLogger(__name__)

AT_ONCE = 8
AGAIN_S = 30.0  # when a webhook is due again whose worker was killed while it delivered


class Outbox:
    """`chance` gives random numbers from 0 to 1, which keep many tries from coming at once."""

    def __init__(
        self,
        keeping: Keeping,
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
        self._running: set[Future[None]] = set()

    def step(self) -> None:
        """Begin to deliver what is due, as far as threads are free; raise LedgerUnavailable."""
        self._running = {delivery for delivery in self._running if not delivery.done()}
        free = AT_ONCE - len(self._running)
        if free:
            due = self._keeping.due_webhooks(AGAIN_S, free)
            self._running |= {self._pool.submit(self._guarded, job_id) for job_id in due}

    def close(self) -> None:
        """Wait for the deliveries that run."""
        self._pool.shutdown()

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
            host = urlsplit(webhook.url).hostname
            end = "" if pause_s else "; given up"
            logger.warning("webhook of job %s to %s: %s%s", job_id, host, done.reason, end)
        self._keeping.delivered(job_id, webhook.ended, pause_s)

    def _deliver(self, job_id: str, webhook: Webhook) -> Delivery | None:
        """Return how it went, None when the job was queued again meanwhile; raise LedgerUnavailable."""
        try:
            job = self._ledger.job(job_id)
        except LedgerUnavailable:
            raise
        except TrinityError as error:  # its result can't be read, perhaps never again
            return Delivery(ok=False, status=None, reason=error.detail)
        if job.finished_s != float(webhook.ended):
            return None
        body = message(job.status, msgspec.Raw(msgspec.json.encode(envelope(job, queued=True))), job.finished_s)
        # the same for every try, and another when a job ends anew; full stops divide what is signed, so it has none
        message_id = f"{job_id}-{webhook.ended.replace('.', '')}"
        return deliver(webhook.url, message_id, body, self._secret, self._allowed_hosts, self._clock())
