"""Finds the jobs that nobody works on any more, and the messages that are gone, and puts both right."""

from __future__ import annotations

import time
from collections.abc import Callable
from logging import getLogger

from app.queue.ledger import LedgerMaintenance, LedgerUnavailable
from app.queue.messages import JobRef, messages
from app.schemas.verbs import VERBS, Verb

logger = getLogger(__name__)

GRACE_S = 2.0  # how long a message may be on its way, or with a worker, before it counts as gone
TRIM_S = 10.0
Ring = Callable[[Verb, list[JobRef]], None]


class Reconciler:
    """`depth` asks the broker how many messages wait in a lane; `ring` sends one. Both raise when it is away."""

    def __init__(
        self,
        keeping: LedgerMaintenance,
        ring: Ring,
        depth: Callable[[Verb], int],
        lease_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keeping = keeping
        self._ring = ring
        self._depth = depth
        self._lease_s = lease_s
        self._clock = clock
        self._in_touch_since_s: float | None = None
        self._trimmed_s = clock()

    def step(self) -> None:
        """Put right what is wrong; raise Unavailable while the ledger or the broker is away."""
        try:
            self._requeue_expired()
            if self._clock() - self._trimmed_s > TRIM_S:
                self._trimmed_s = self._clock()
                self._keeping.trim()
            if evicted := self._keeping.make_room():
                logger.warning("the ledger is nearly full; %d results expire before their time", evicted)
            for verb in VERBS:
                self._republish(verb)
        except LedgerUnavailable:
            self._in_touch_since_s = None
            raise

    def _requeue_expired(self) -> None:
        """Take back jobs whose lease is over, once others had the time to renew theirs after an outage."""
        if self._in_touch_since_s is None:
            self._keeping.ping()
            self._in_touch_since_s = self._clock()
        if self._clock() - self._in_touch_since_s >= self._lease_s and (lost := self._keeping.reap()):
            logger.warning("%d jobs of a lost worker run again", lost)

    def _republish(self, verb: Verb) -> None:
        if not self._keeping.waiting(verb):
            return
        unpublished = self._keeping.unpublished(verb, GRACE_S, empty=self._depth(verb) == 0)
        for calls in [*messages(verb, unpublished.together), *([call] for call in unpublished.alone)]:
            self._ring(verb, calls)
