"""The traffic of the last minutes: counted by interval, over all processes, without what the page itself asks for."""

from pathlib import Path

import pytest

from app.telemetry.traffic import INTERVAL_S, KEPT, TrafficRing

BOUNDS_S = (0.1, 1.0)
FAST, SLOW = (1, 0, 0), (0, 1, 0)
BEGIN_S = 1_000_000 * INTERVAL_S


class Clock:
    def __init__(self) -> None:
        self.now_s = float(BEGIN_S)

    def __call__(self) -> float:
        return self.now_s

    def next(self, intervals: int = 1) -> None:
        self.now_s += intervals * INTERVAL_S


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ring(clock: Clock, folder: Path | None = None, slot: int = 0) -> TrafficRing:
    return TrafficRing(BOUNDS_S, folder, str(slot), clock)


def test_requests_count_in_the_interval_in_which_they_end(clock: Clock) -> None:
    """The present interval is not shown before it has ended."""
    traffic = ring(clock)
    traffic.add("/predict", [3, 0, 0])
    traffic.add("/fit", [0, 2, 0])
    assert traffic.history().rate == [None] * (KEPT - 1)
    clock.next()
    assert traffic.history().rate[-1] == 5 / INTERVAL_S
    traffic.add("/fit", FAST)
    clock.next(2)
    assert traffic.history().rate[-3:] == [5 / INTERVAL_S, 1 / INTERVAL_S, 0]
    assert traffic.history().rate[:-3] == [None] * (KEPT - 4)


def test_old_intervals_are_forgotten(clock: Clock) -> None:
    traffic = ring(clock)
    traffic.add("/fit", FAST)
    clock.next(KEPT - 1)
    assert traffic.history().rate == [1 / INTERVAL_S] + [0] * (KEPT - 2)
    clock.next()
    assert traffic.history().rate == [0] * (KEPT - 1)
    traffic.add("/fit", SLOW)  # in the place of the first
    clock.next()
    assert sum(rate or 0 for rate in traffic.history().rate) == 1 / INTERVAL_S


def test_all_processes_are_summed(clock: Clock, tmp_path: Path) -> None:
    """Whichever is asked; one that follows in a slot goes on, and one that has ended still counts."""
    rings = [ring(clock, tmp_path, slot) for slot in (0, 1)]
    for each in rings:
        each.add("/predict", [10, 0, 0])
    rings[1] = ring(clock, tmp_path, 1)
    rings[1].add("/predict", FAST)
    clock.next()
    later = ring(clock, tmp_path, 2)
    assert [each.history().rate[-1] for each in (*rings, later)] == [21 / INTERVAL_S] * 3


@pytest.mark.parametrize("route", ["/", "/ping", "/metrics", "/jobs/{job_id}", "/jobs/events", "/jobs/{job_id}/events"])
def test_what_the_page_asks_for_does_not_count(clock: Clock, route: str) -> None:
    traffic = ring(clock)
    traffic.add(route, FAST)
    clock.next()
    assert traffic.history().rate[-1] == 0


@pytest.mark.parametrize(
    ("counts", "latency"),
    [
        ([0, 0, 0], None),
        ([100, 0, 0], 0.095),
        ([0, 100, 0], 0.1 + 0.9 * 0.95),
        ([90, 10, 0], 0.1 + 0.9 * 0.5),
        ([90, 0, 10], 1.0),
    ],
)
def test_the_latency_is_interpolated(clock: Clock, counts: list[int], latency: float | None) -> None:
    """As Prometheus does; what is above the last bound counts as that."""
    traffic = ring(clock)
    traffic.add("/fit", counts)
    clock.next()
    assert traffic.history().latency[-1] == (None if latency is None else pytest.approx(latency))
