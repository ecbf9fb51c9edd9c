"""Passes a job's progress to the ledger at a limited rate, however often its model reports."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from app.model.progress import shown_step
from app.queue.ledger.claims import Claim, WorkerLedger
from app.queue.ledger.scripts import LedgerUnavailable

PROGRESS_S = 0.25  # how often a running job reports its progress
MAX_CHANGES = 50  # steps of a new kind that a job reports without delay
_COUNTS = re.compile(r"\d+")


class JobProgress:
    """Passes on a report every PROGRESS_S, and the first report of a new kind of step without delay: it may last long.

    Steps are of one kind if only their numbers differ, such as "page 1 of 30" and "page 2 of 30".
    """

    def __init__(self, ledger: WorkerLedger, claim: Claim, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._claim = claim
        self._clock = clock
        self._reported_s = clock()
        self._kind = ""
        self._changes = 0

    def __call__(self, fraction: float, step: str) -> None:
        """Take a report of the model."""
        if self._clock() - self._reported_s < PROGRESS_S and not self._is_change(step):
            return
        shown = shown_step(step)
        self._reported_s, self._kind = self._clock(), _COUNTS.sub("", step)
        with suppress(LedgerUnavailable):
            self._ledger.progress(self._claim, min(1.0, max(0.0, fraction)), shown)

    def _is_change(self, step: str) -> bool:
        if not step or self._changes >= MAX_CHANGES or _COUNTS.sub("", step) == self._kind:
            return False
        self._changes += 1
        return True
