"""Queues jobs of lost workers again, and sends lost messages again."""

from __future__ import annotations

import time
from collections.abc import Callable
from logging import getLogger

from app.queue.ledger.maintenance import LedgerMaintenance
from app.queue.ledger.scripts import LedgerUnavailable
from app.queue.messages import messages
from app.queue.publisher import Publish
from app.schemas.verbs import VERBS, Verb

logger = getLogger(__name__)

GRACE_S = 2.0  # how long a message may be on its way, or with a worker, before it counts as lost
TRIM_S = 10.0


class Reconciler:
    """`depth` counts the messages in a lane; `publish` sends one. Both raise Unavailable if the broker is down."""

    def __init__(
        self,
        maintenance: LedgerMaintenance,
        publish: Publish,
        depth: Callable[[Verb], int],
        lease_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._maintenance = maintenance
        self._publish = publish
        self._depth = depth
        self._lease_s = lease_s
        self._clock = clock
        self._connected_since_s: float | None = None
        self._trimmed_s = clock()

    def step(self) -> None:
        """Do one round; raise Unavailable while the ledger or the broker is down."""
        try:
            self._requeue_expired()
            if self._clock() - self._trimmed_s > TRIM_S:
                self._trimmed_s = self._clock()
                self._maintenance.trim()
            if evicted := self._maintenance.evict_oldest():
                logger.warning("the ledger is nearly full; %d results expire before their time", evicted)
            for verb in VERBS:
                self._republish(verb)
        except LedgerUnavailable:
            self._connected_since_s = None
            raise

    def _requeue_expired(self) -> None:
        """Take back jobs whose lease is over, after all nodes had time to renew theirs after an outage."""
        if self._connected_since_s is None:
            self._maintenance.ping()
            self._connected_since_s = self._clock()
        if self._clock() - self._connected_since_s >= self._lease_s and (lost := self._maintenance.requeue_expired()):
            logger.warning("%d jobs of a lost worker run again", lost)

    def _republish(self, verb: Verb) -> None:
        if not self._maintenance.waiting(verb):
            return
        unpublished = self._maintenance.unpublished(verb, GRACE_S, empty=self._depth(verb) == 0)
        for jobs in [*messages(verb, unpublished.batched), *([job] for job in unpublished.unbatched)]:
            self._publish(verb, jobs)
