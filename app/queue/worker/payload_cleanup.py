"""Removes the files of jobs that the ledger has forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.queue.ledger.maintenance import LedgerMaintenance
from app.storage.payload_store import Payloads

OLD_S = 3_600.0  # far more than it takes from the writing of a file to its job in the ledger


class PayloadCleanup:
    """Asks the ledger for the job of each old file; files are named after their jobs."""

    def __init__(
        self, maintenance: LedgerMaintenance, payloads: Payloads, clock: Callable[[], float] = time.time
    ) -> None:
        self._maintenance = maintenance
        self._payloads = payloads
        self._clock = clock

    def step(self) -> None:
        """Remove what is old and belongs to no job; raise Unavailable."""
        self._payloads.sweep(lambda name: self._maintenance.job_exists(name.partition(".")[0]), OLD_S, self._clock())
