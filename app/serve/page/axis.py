"""Axes: the ticks along one, and the position of a value on it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from app.serve.page.format import power

Values = np.ndarray[Any, np.dtype[np.float64]]

LARGE, SMALL = 1e5, 1e-3  # outside this range of the greatest absolute value, a power of ten is factored out
NARROW = 1e-4  # a width below this share of the greatest value has an offset subtracted
ROUNDING = 1e-12  # a width below this share counts as zero
MARGIN = 0.04  # share of the width that stays free at each end


class Axis(NamedTuple):
    """A range of values in a unit of its own: a value v is drawn as (v − offset)·10^(−exponent)."""

    low: float
    high: float
    ticks: list[float]
    decimals: int
    exponent: int
    offset: float

    def share(self, values: Values) -> Values:
        """Return the positions of values, from 0 at the low end to 1 at the high end."""
        return (_scaled(values - self.offset, self.exponent) - self.low) / (self.high - self.low)

    def label(self, tick: float) -> str:
        """Return the text at a tick."""
        return f"{tick:.{self.decimals}f}".replace("-", "−") if round(tick, self.decimals) else "0"

    def title(self, name: str) -> str:
        """Return the title of the axis: its name, with the offset and the power of ten that the labels leave out."""
        if self.offset:
            name = f"{name} {'−' if self.offset > 0 else '+'} {abs(self.offset):.15g}"
            name = f"({name})" if self.exponent else name
        return f"{name} / {power(self.exponent)}" if self.exponent else name


def axis(values: Values, count: int = 5) -> Axis:
    """Return the axis for finite values, at least one, with about `count` ticks at round numbers."""
    offset = _offset(float(values.min()), float(values.max()))
    shifted = values - offset
    greatest = float(np.abs(shifted).max())
    exponent = math.floor(math.log10(greatest)) if greatest and not SMALL <= greatest < LARGE else 0
    scaled = _scaled(shifted, exponent)
    low, high = _widened(float(scaled.min()), float(scaled.max()))
    step = _round_step((high - low) / count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return Axis(low, high, [number * step for number in range(first, last + 1)], decimals, exponent, offset)


def _offset(low: float, high: float) -> float:
    """Return a round number to subtract from values that differ little compared with their size, else 0."""
    top = max(abs(low), abs(high))
    half = high / 2 - low / 2  # the width itself may overflow
    if not ROUNDING < half / (top or 1.0) * 2 < NARROW:
        return 0.0
    step = 10.0 ** math.ceil(math.log10(half * 2))
    return math.floor(low / step) * step


def _widened(low: float, high: float) -> tuple[float, float]:
    """Return the ends with a margin; around a single value the range is wider."""
    if high - low <= ROUNDING * max(abs(low), abs(high)):
        return low - (abs(low) / 2 or 1.0), high + (abs(high) / 2 or 1.0)
    margin = (high - low) * MARGIN
    return low - margin, high + margin


def _scaled(values: Values, exponent: int) -> Values:
    """Return values·10^(−exponent), in two steps: 10^324 is not a float64."""
    half = exponent // 2
    return values * 10.0 ** (-half) * 10.0 ** (half - exponent)


def _round_step(least: float) -> float:
    """Return the least of 1, 2 and 5 times a power of ten that is at least `least` (Heckbert 1990)."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((nice * power for nice in (1, 2, 5) if nice * power >= least * (1 - 1e-9)), 10 * power)
