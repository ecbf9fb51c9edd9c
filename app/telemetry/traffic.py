"""The traffic of the last minutes, for the page: requests and durations of each interval, of all web processes.

Each process writes the file of its slot: a ring of intervals, numbered from 1970. The next process of the same slot
continues that file.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

INTERVAL_S = 5
KEPT = 60
SHARE = 0.95  # of the requests that took no longer than the latency
OWN = frozenset({"/", "/metrics", "/page/{digest}/{file}", "/health/ready", "/health/live", "/ping", "/jobs/{job_id}"})
"""Routes that the page and probes request all the time; these and event streams are not counted."""


class History(NamedTuple):
    """Requests per second and latency (seconds) of each interval, oldest first; None: unknown, or no requests."""

    rate: list[float | None]
    latency: list[float | None]


class TrafficRing:
    """The counts of this process, and those of the others in the same folder."""

    def __init__(
        self,
        bounds_s: Sequence[float],
        folder: Path | None = None,
        slot: str = "0",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`bounds_s` are the upper bounds of the buckets but the last; without a `folder` only this process counts."""
        self._bounds_s = [*bounds_s]
        self._row = struct.Struct(f"<Q{len(bounds_s) + 1}I")  # the number of the interval, and a count for each bucket
        self._folder = folder
        self._clock = clock
        self._began = self._now()
        self._ring: bytearray | mmap.mmap = bytearray(self._row.size * KEPT)
        if folder is not None:
            self._ring = _mapped(folder / f"traffic-{slot}.ring", len(self._ring))

    def add(self, route: str, counts: Sequence[float]) -> None:
        """Count requests of a route that ended now, by the bucket of their durations."""
        if route in OWN or route.endswith("/events"):
            return
        now = self._now()
        at = now % KEPT * self._row.size
        number, *before = self._row.unpack_from(self._ring, at)
        sums = [int(count) for count in counts]
        if number == now:
            sums = [min(count + more, 2**32 - 1) for count, more in zip(before, sums, strict=True)]
        self._row.pack_into(self._ring, at, now, *sums)

    def history(self) -> History:
        """Return the intervals that have ended, with None before the first known one."""
        now = self._now()
        sums: dict[int, list[int]] = {}
        for number, *counts in self._rows():
            if now - KEPT < number < now:
                sums[number] = [sum(pair) for pair in zip(counts, sums.get(number, [0] * len(counts)), strict=True)]
        began = min([self._began, *sums])
        numbers = range(now - KEPT + 1, now)
        rate = [sum(sums.get(number, ())) / INTERVAL_S if number >= began else None for number in numbers]
        return History(rate, [self._latency(sums.get(number, ())) for number in numbers])

    def _rows(self) -> Iterator[tuple[int, ...]]:
        rings: list[bytes | bytearray | mmap.mmap] = [self._ring]
        if self._folder is not None:
            rings = [path.read_bytes() for path in sorted(self._folder.glob("traffic-*.ring"))]
        for ring in rings:
            yield from self._row.iter_unpack(ring)

    def _now(self) -> int:
        return int(self._clock() // INTERVAL_S)

    def _latency(self, counts: Sequence[int]) -> float | None:
        """Return the quantile `share` of the durations, interpolated in its bucket as Prometheus does."""
        wanted = SHARE * sum(counts)
        below, low = 0, 0.0
        for count, bound in zip(counts, self._bounds_s, strict=False):
            if count and below + count >= wanted:
                return low + (bound - low) * (wanted - below) / count
            below, low = below + count, bound
        return low if any(counts) else None


def _mapped(path: Path, size: int) -> mmap.mmap:
    """Return a file mapped into memory; create it with zeros if it does not exist."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(descriptor, size)
        return mmap.mmap(descriptor, size)
    finally:
        os.close(descriptor)
