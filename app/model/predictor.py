"""Evaluate a fitted polynomial: few rows in plain Python, which is then faster than numpy; many rows in blocks."""

from math import isfinite
from operator import mul
from sys import getsizeof

import numpy as np

from app.model.basis import Basis
from app.model.dataframes import Array

FEW_ROWS = 8
"""Up to so many rows plain Python is faster, whatever the number of terms."""
BLOCK_VALUES = 2**18
"""Values in a block: 2 MB."""
FLOAT_BYTES = getsizeof(1.0)


class Predictor:
    """Predictions of coefficients (terms, k) in a scaled basis, for rows known to be finite float64.

    Both ways add the same products in the same order: a row's prediction is the same to the last bit with any other
    rows beside it.
    """

    def __init__(self, basis: Basis, coefficients: Array, *, flat: bool) -> None:
        """`flat`: predictions are (m,) and not (m, 1)."""
        self._basis = basis
        self._coefficients = coefficients
        self._flat = flat
        self._inputs = list(zip(basis.centre.tolist(), (1.0 / basis.scale).tolist(), strict=True))
        self._constant = [1.0] * basis.terms.first
        self._pairs = list(basis.terms.pairs())
        self._columns: list[list[float]] = coefficients.T.tolist()

    def __call__(self, X: Array) -> Array:
        """Predictions (m,) or (m, k) for X (m, p). Raises ValueError when one is beyond float64."""
        if len(X) > FEW_ROWS:
            return self._many(X)
        rows = [self._row(row) for row in X.tolist()]
        return np.array([y for (y,) in rows] if self._flat else rows)

    def held_bytes(self) -> int:
        """Return the bytes of the coefficients as Python floats: four times those of the array."""
        return getsizeof(self._columns) + sum(getsizeof(column) + len(column) * FLOAT_BYTES for column in self._columns)

    def _row(self, row: list[float]) -> list[float]:
        values = self._constant.copy()
        for x, (centre, factor) in zip(row, self._inputs, strict=True):
            values.append((x - centre) * factor)
        for term, factor in self._pairs:
            values.append(values[term] * values[factor])
        sums = []
        for column in self._columns:
            total = 0.0  # not sum(): Python 3.12 made that add up in another way than _many
            for product in map(mul, column, values):
                total += product
            if not isfinite(total):
                raise _overflow()
            sums.append(total)
        return sums

    def _many(self, X: Array) -> Array:
        rows, (terms, outputs) = X.shape[0], self._coefficients.shape
        step = max(1, BLOCK_VALUES // terms)
        space = np.empty((terms + 1, min(step, rows)))
        sums = np.empty((outputs, rows))
        with np.errstate(all="ignore"):
            for start in range(0, rows, step):
                block = X[start : start + step]
                self._add(block, space[:, : len(block)], sums[:, start : start + step])
            # a finite sum, which is quicker to get, means finite values; otherwise it may have overflowed itself
            finite = np.isfinite(np.einsum("i->", sums.reshape(-1))) or np.isfinite(sums).all()
        if not finite:
            raise _overflow()
        return sums[0] if self._flat else np.ascontiguousarray(sums.T)

    def _add(self, block: Array, space: Array, sums: Array) -> None:
        terms, product = space[:-1], space[-1]
        self._basis.expand(block, terms)
        first = len(self._constant)
        for coefficients, total in zip(self._columns, sums, strict=True):
            total.fill(0.0 + coefficients[0] if first else 0.0)  # 0.0 +, as in _row: it makes 0.0 of -0.0
            for coefficient, term in zip(coefficients[first:], terms[first:], strict=True):
                np.multiply(term, coefficient, out=product)
                np.add(total, product, out=total)


def _overflow() -> ValueError:
    return ValueError("A prediction is beyond float64: the row lies too far from the data that was fitted.")
