"""Axes: which numbers stand along one, and where on it a value is."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from app.serve.page.words import power

Values = np.ndarray[Any, np.dtype[np.float64]]

LARGE, SMALL = 1e5, 1e-3  # greatest absolute values from which on, and under which, a power of ten is taken out
NARROW = 1e-5  # share of the greatest value that the width must be, or else an offset is taken out
MARGIN = 0.04  # of the width, left free at both ends


class Axis(NamedTuple):
    """A range of values in a unit of its own: a value v is drawn as v·10^(−exponent) − offset."""

    low: float
    high: float
    ticks: list[float]
    decimals: int
    exponent: int = 0
    offset: float = 0.0

    def share(self, values: Values) -> Values:
        """Return where values are, from 0 at the low end to 1 at the high."""
        return (_scaled(values, self.exponent) - self.offset - self.low) / (self.high - self.low)

    def label(self, tick: float) -> str:
        """Return the words at a tick."""
        return f"{tick:.{self.decimals}f}".replace("-", "−") if round(tick, self.decimals) else "0"

    @property
    def unit(self) -> str:
        """What the numbers along the axis leave out, to stand beside its name."""
        offset = "" if not self.offset else f" {'−' if self.offset > 0 else '+'} {abs(self.offset):.12g}"
        return (f" / {power(self.exponent)}" if self.exponent else "") + offset


def axis(values: Values, count: int = 5) -> Axis:
    """Return the axis for finite values, at least one, with about `count` ticks at round numbers."""
    greatest = float(np.abs(values).max())
    exponent = math.floor(math.log10(greatest)) if greatest and not SMALL <= greatest < LARGE else 0
    scaled = _scaled(values, exponent)
    low, high = float(scaled.min()), float(scaled.max())
    top = max(abs(low), abs(high))
    offset = 0.0
    if 0 < high - low < NARROW * top:
        offset = float(f"{low:.12g}")
        low, high = low - offset, high - offset
    if low == high:
        low, high = (low - (abs(low) / 2 or 1.0), high + (abs(high) / 2 or 1.0))
    margin = (high - low) * MARGIN
    low, high = low - margin, high + margin
    step = _round_step((high - low) / count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return Axis(low, high, [number * step for number in range(first, last + 1)], decimals, exponent, offset)


def _scaled(values: Values, exponent: int) -> Values:
    """Return values·10^(−exponent); in two steps, for 10^324 is no float64."""
    half = exponent // 2
    return values * 10.0 ** (-half) * 10.0 ** (half - exponent)


def _round_step(least: float) -> float:
    """Return the least of 1, 2 and 5 times a power of ten that is not under `least` (after Heckbert 1990)."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((nice * power for nice in (1, 2, 5) if nice * power >= least * (1 - 1e-9)), 10 * power)
