"""Statistics of the ledger: the state of the queue, and counters of what all workers have done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from app.schemas.verbs import Verb

SILENT_S = 10.0  # a node renews its leases twice a second
SCAN_LIMIT = 5_000  # running jobs that are read; more would need more workers than one Redis serves


class LaneStats(NamedTuple):
    """One lane: jobs that wait for their first attempt, wait for a retry, or run; how long the oldest has waited."""

    pending: int
    retry: int
    started: int
    oldest_s: float


class QueueStats(NamedTuple):
    """The state at one moment; `counts` are totals since the ledger began, such as `attempts:fit`."""

    lanes: Mapping[Verb, LaneStats]
    workers: int
    processes: int
    counts: Mapping[str, float]


def queue_stats(lanes: Sequence[Any], workers: int, processes: int, counts: Sequence[bytes]) -> QueueStats:
    """Return the statistics that stats.lua counted. The scripts count in the atomic step in which they change a job."""
    return QueueStats(
        {
            cast("Verb", verb.decode()): LaneStats(pending, retry, started, float(oldest))
            for verb, pending, retry, started, oldest in lanes
        },
        workers,
        processes,
        {name.decode(): float(value) for name, value in zip(counts[::2], counts[1::2], strict=True)},
    )
