"""Evaluation of predictions: R², root mean square error and mean absolute error in one pass over blocks of rows.

Rows may be weighted: the weight is the number of times that a row counts.
"""

from math import nan
from typing import NamedTuple

import numpy as np

from app.model.dataframes import Array

BLOCK_VALUES = 2**16


class Metrics(NamedTuple):
    """Averages over outputs. `r2` is NaN for fewer than two rows; for a constant y it is 1 or, with any error, 0.

    `n` is the number of rows, regardless of their weights.
    """

    r2: float
    rmse: float
    mae: float
    n: int


def evaluate(y: Array, prediction: Array, weight: Array | None = None) -> Metrics:
    """Compare predictions with y, both (n,) or (n, k), n ≥ 1 and finite; ValueError when the shapes differ.

    `weight` (n,) is finite, not negative, and not zero for every row.
    """
    if y.shape != prediction.shape or y.ndim not in (1, 2) or not y.size:
        raise ValueError(
            f"y {y.shape} and its prediction {prediction.shape} must be of one shape (n,) or (n, k), and not empty."
        )
    truth, guess = y.reshape(len(y), -1), prediction.reshape(len(y), -1)
    tally = Tally(truth[0 if weight is None else int(np.argmax(weight > 0))])
    step = max(1, BLOCK_VALUES // truth.shape[1])
    with np.errstate(all="ignore"):
        unit = None if weight is None else weight / weight.max()
        for start in range(0, len(y), step):
            part = slice(start, start + step)
            _add(tally, truth[part], guess[part], None if unit is None else unit[part])
        return tally.metrics(len(y))


def _add(tally: "Tally", truth: Array, guess: Array, weight: Array | None) -> None:
    """Add a block of rows; rows with weight 0 are left out, whatever their values."""
    if weight is None:
        tally.add(truth, guess, np.ones(1))
    elif (counted := weight > 0).any():
        tally.add(truth[counted], guess[counted], weight[counted])


class Tally:
    """Running sums per output, in units of a power of two that grows with the data, so that no square overflows."""

    def __init__(self, origin: Array) -> None:
        self._origin = origin  # sums of y - origin: a constant y has a variance of exactly zero
        self._total = 0.0  # of the weights
        self._exponent = np.full(origin.shape, -1000)
        self._mean, self._spread, self._squares, self._absolute = np.zeros((4, *origin.shape))

    def add(self, y: Array, prediction: Array, weight: Array) -> None:
        """Add a block (m, k) of y and predictions with weights (m,), or one weight (1,) for all.

        Merging of variances: Chan, Golub & LeVeque (1979).
        """
        self._raise_unit(y, prediction)
        shrink = -self._exponent
        truth, guess = np.ldexp(y, shrink), np.ldexp(prediction, shrink)
        residual = truth - guess
        truth -= np.ldexp(self._origin, shrink)
        share = weight[:, np.newaxis]
        added = float(weight.sum()) * (len(y) / len(weight))
        mean = (share * truth).sum(axis=0) / added
        step, total = mean - self._mean, self._total + added
        self._spread += (share * (truth - mean) ** 2).sum(axis=0) + step**2 * (self._total * added / total)
        self._mean += step * (added / total)
        self._squares += (share * residual**2).sum(axis=0)
        self._absolute += (share * np.abs(residual)).sum(axis=0)
        self._total = total

    def _raise_unit(self, y: Array, prediction: Array) -> None:
        """Raise the unit to the block's greatest value."""
        greatest = np.maximum(np.abs(y).max(axis=0), np.abs(prediction).max(axis=0))
        exponent = np.maximum(self._exponent, np.frexp(greatest)[1])
        shrink = self._exponent - exponent
        for sums, power in ((self._mean, 1), (self._absolute, 1), (self._spread, 2), (self._squares, 2)):
            sums[:] = np.ldexp(sums, power * shrink)
        self._exponent = exponent

    def metrics(self, rows: int) -> Metrics:
        """Turn the sums over `rows` rows into metrics."""
        r2 = np.where(self._spread > 0, 1 - self._squares / self._spread, self._squares == 0)
        rmse = np.ldexp(np.sqrt(self._squares / self._total), self._exponent)
        mae = np.ldexp(self._absolute / self._total, self._exponent)
        return Metrics(float(r2.mean()) if rows > 1 else nan, float(rmse.mean()), float(mae.mean()), rows)
