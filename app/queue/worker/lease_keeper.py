"""Renews the leases of a worker's jobs, and kills the processes whose job was cancelled or takes too long.

It runs in the worker's parent process, so a model that hangs in C code cannot stop it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from logging import getLogger

from app.queue.ledger.maintenance import HeldJob, LedgerMaintenance

logger = getLogger(__name__)

OUTAGE_S = 3.0


class LeaseKeeper:
    """`children` lists the names of the living children; `kill` ends one.

    `was_stopped` returns whether an ended child was stopped by a signal, which is not the fault of its jobs.

    The running time of a job is measured here, with a monotonic clock, and not with the ledger's.
    """

    def __init__(
        self,
        maintenance: LedgerMaintenance,
        children: Callable[[], list[str]],
        kill: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        was_stopped: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._maintenance = maintenance
        self._children = children
        self._kill = kill
        self._clock = clock
        self._was_stopped = was_stopped
        self._seen_s: dict[tuple[str, int], float] = {}
        self._void: set[tuple[str, int]] = set()
        self._reached_s = clock()

    def step(self) -> None:
        """Renew and check all jobs of this node; raise LedgerUnavailable."""
        by_child: defaultdict[str, list[HeldJob]] = defaultdict(list)
        alive = self._children()
        for held in self._maintenance.renew(alive):
            by_child[held.child].append(held)
        now_s = self._clock()
        outage_s, self._reached_s = now_s - self._reached_s, now_s
        if outage_s > OUTAGE_S:  # no job could be finished while the ledger was down: that time does not count
            self._seen_s = {claim: seen_s + outage_s for claim, seen_s in self._seen_s.items()}
        claims = {(held.job_id, held.fence) for jobs in by_child.values() for held in jobs}
        self._seen_s = {claim: self._seen_s.get(claim, now_s) for claim in claims}
        for child, jobs in by_child.items():
            self._check(child, jobs, alive=child in alive)
        self._void = {(held.job_id, held.fence) for jobs in by_child.values() for held in jobs if held.state == "void"}

    def release_all(self) -> None:
        """Put all jobs back into their lanes as if they had not been claimed, and kill the children that hold them."""
        busy = set(self._children())  # all of them if the ledger is down: their leases will end
        try:
            jobs = [held for held in self._maintenance.renew(self._children()) if held.state != "void"]
            busy = {held.child for held in jobs}
            self._maintenance.requeue(jobs, count_attempt=False)
        finally:
            for child in sorted(busy):
                self._kill(child)

    def _check(self, child: str, jobs: Sequence[HeldJob], *, alive: bool) -> None:
        live = [held for held in jobs if held.state != "void"]
        lost = [held for held in live if held.state == "lost"]
        if lost:
            stopped = self._was_stopped(child)
            what = "was stopped by a signal" if stopped else "is gone"
            logger.warning("a process %s with %d jobs; they run again", what, len(lost))
            self._maintenance.requeue(lost, worker_lost=True, stopped=stopped)
        elif not live:  # all jobs of the child were cancelled; kill it at each check until it has ended
            for held in jobs:
                if alive and (held.job_id, held.fence) not in self._void:
                    logger.info("job %s was cancelled or queued again; its process is replaced", held.job_id)
            self._kill(child)
        elif any(self._clock() - self._seen_s[held.job_id, held.fence] >= held.timeout_s for held in live):
            self._kill_overdue(child, live)

    def _kill_overdue(self, child: str, live: Sequence[HeldJob]) -> None:
        """Kill a child whose time is over. Several jobs run again one by one, to find the one that takes too long."""
        self._kill(child)
        if len(live) == 1 and live[0].size == 1:
            if self._maintenance.time_out(live[0]):
                logger.warning("job %s took longer than its timeout and was ended", live[0].job_id)
            else:
                self._maintenance.requeue(live)
        else:
            logger.info("a process took longer than a timeout with %d jobs; each runs again alone", len(live))
            self._maintenance.requeue(live, count_attempt=False, unbatched=True)
