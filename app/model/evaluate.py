"""Evaluation of predictions: R², root mean square error and mean absolute error in one pass over blocks of rows."""

from math import nan
from typing import NamedTuple

import numpy as np

from app.model.dataframes import Array

BLOCK_VALUES = 2**16


class Metrics(NamedTuple):
    """Averages over outputs. `r2` is NaN for fewer than two rows; for a constant y it is 1 or, with any error, 0."""

    r2: float
    rmse: float
    mae: float
    n: int


def evaluate(y: Array, prediction: Array) -> Metrics:
    """Compare predictions with y, both (n,) or (n, k), n ≥ 1 and finite; ValueError when the shapes differ."""
    if y.shape != prediction.shape or y.ndim not in (1, 2) or not y.size:
        raise ValueError(
            f"y {y.shape} and its prediction {prediction.shape} must be of one shape (n,) or (n, k), and not empty."
        )
    truth, guess = y.reshape(len(y), -1), prediction.reshape(len(y), -1)
    tally = Tally(truth[0])
    step = max(1, BLOCK_VALUES // truth.shape[1])
    with np.errstate(all="ignore"):
        for start in range(0, len(y), step):
            tally.add(truth[start : start + step], guess[start : start + step])
        return tally.metrics()


class Tally:
    """Running sums per output, in units of a power of two that grows with the data: no square overflows or vanishes."""

    def __init__(self, origin: Array) -> None:
        self._origin = origin  # sums of y - origin: a constant y has a variance of exactly zero
        self._n = 0
        self._exponent = np.full(origin.shape, -1000)
        self._mean, self._spread, self._squares, self._absolute = np.zeros((4, *origin.shape))

    def add(self, y: Array, prediction: Array) -> None:
        """Add a block (m, k) of y and predictions. Merging of variances: Chan, Golub & LeVeque (1979)."""
        self._raise_unit(y, prediction)
        shrink = -self._exponent
        truth, guess = np.ldexp(y, shrink), np.ldexp(prediction, shrink)
        residual = truth - guess
        truth -= np.ldexp(self._origin, shrink)
        m, mean = len(y), truth.mean(axis=0)
        step, total = mean - self._mean, self._n + len(y)
        self._spread += ((truth - mean) ** 2).sum(axis=0) + step**2 * (self._n * m / total)
        self._mean += step * (m / total)
        self._squares += (residual**2).sum(axis=0)
        self._absolute += np.abs(residual).sum(axis=0)
        self._n = total

    def _raise_unit(self, y: Array, prediction: Array) -> None:
        """Raise the unit to the block's greatest value."""
        greatest = np.maximum(np.abs(y).max(axis=0), np.abs(prediction).max(axis=0))
        exponent = np.maximum(self._exponent, np.frexp(greatest)[1])
        shrink = self._exponent - exponent
        for sums, power in ((self._mean, 1), (self._absolute, 1), (self._spread, 2), (self._squares, 2)):
            sums[:] = np.ldexp(sums, power * shrink)
        self._exponent = exponent

    def metrics(self) -> Metrics:
        """Turn the sums into metrics."""
        r2 = np.where(self._spread > 0, 1 - self._squares / self._spread, self._squares == 0)
        rmse = np.ldexp(np.sqrt(self._squares / self._n), self._exponent)
        mae = np.ldexp(self._absolute / self._n, self._exponent)
        return Metrics(float(r2.mean()) if self._n > 1 else nan, float(rmse.mean()), float(mae.mean()), self._n)
