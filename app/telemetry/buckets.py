"""The buckets of the histograms of durations: the same in web processes and workers, so that they can be added."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds in seconds; the last bucket, +Inf, has none."""
LABELS = (*map(str, BOUNDS_S), "+Inf")


def bucket_of(seconds: float) -> str:
    """Return the upper bound of the bucket of a duration, as Prometheus writes it."""
    return LABELS[bisect_left(BOUNDS_S, seconds)]
