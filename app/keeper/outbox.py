"""Delivers the webhooks of finished jobs, some at a time, from a thread of its own: no job ever waits for one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from logging import getLogger
from urllib.parse import urlsplit

import msgspec

from app.envelopes import envelope
from app.errors import TrinityError
from app.ledger import Keeping, Ledger
from app.webhooks import deliver, message, next_try

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

    def step(self) -> None:
        """Try every webhook that is due; raise LedgerUnavailable."""
        due = self._keeping.due_webhooks(AGAIN_S, AT_ONCE)
        list(self._pool.map(self._try, due))

    def _try(self, job_id: str) -> None:
        webhook = self._keeping.webhook(job_id)
        if webhook is None:
            return
        url, tries = webhook
        try:
            job = self._ledger.job(job_id)
        except TrinityError as error:
            logger.warning("webhook of job %s: %s", job_id, error.detail)
            return
        if job.finished_s is None:  # it was queued again meanwhile
            return
        body = message(job.status, msgspec.Raw(msgspec.json.encode(envelope(job, queued=True))), job.finished_s)
        message_id = f"{job_id}.{job.finished_s:.6f}"  # the same for every try; a job that runs again ends anew
        done = deliver(url, message_id, body, self._secret, self._allowed_hosts, self._clock())
        pause_s = None if done.ok or done.give_up else next_try(tries + 1, self._chance)
        if not done.ok:
            logger.warning(
                "webhook of job %s to %s: %s%s",
                job_id,
                urlsplit(url).hostname,
                done.reason,
                "" if pause_s else "; given up",
            )
        self._keeping.delivered(job_id, pause_s)
