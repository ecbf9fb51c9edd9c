"""The least squares solution of rows in a scaled basis: one pass for the triangle, then refinement where it pays."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from app.model.basis import Basis
from app.model.dataframes import Array
from app.model.least_squares import Factor, Triangle
from app.model.validation import limits

REFINED_VALUES = 2**18
"""Fits are refined, in about 10 ms, if their design has at most so many values; in larger ones errors average out."""
REFINED_BLOCK = 2**14
"""Values of a block in extended precision: 256 KB, which fit into the processor's cache."""
MAX_PASSES = 5
NAMED_TERMS = 10
"""Maximum number of redundant terms that are named."""

Extended = NDArray[np.longdouble]


class Observations(NamedTuple):
    """Rows `X` (n, p), `y` (n, k), and the weight of each row (n,), None if all weigh the same."""

    X: Array
    y: Array
    weight: Array | None = None

    @classmethod
    def of(cls, X: Array, y: Array, weight: Array | None) -> Self:
        """Scale weights, not all zero, by a power of 4, so that the greatest is at least 1 and less than 4."""
        if weight is None:
            return cls(X, y)
        exponent = (int(np.frexp(weight.max())[1]) - 1) // 2
        return cls(X, y, np.ldexp(weight, -2 * exponent))

    def outputs(self, group: slice) -> Self:
        """Return the same rows with some of the outputs."""
        return self._replace(y=self.y[:, group])

    def blocks(self, rows: int) -> Iterator[Self]:
        """Yield so many rows at a time."""
        for start in range(0, len(self.X), rows):
            part = slice(start, start + rows)
            yield type(self)(self.X[part], self.y[part], None if self.weight is None else self.weight[part])


class Solution(NamedTuple):
    """Coefficients (terms, k) of the scaled basis, and facts about the terms from the factor."""

    coefficients: Extended
    rank: int
    condition: float
    redundant: list[int]
    """The last NAMED_TERMS terms that depend on terms before them."""


def solve(basis: Basis, data: Observations, progress: Callable[[float], None]) -> Solution:
    """Fit the terms of `basis`. `progress` is called with the processed share of the rows."""
    level = _levels(data.y) if basis.terms.intercept else np.zeros(data.y.shape[1])
    factor = _factor(basis, data, level, progress)
    coefficients = factor.solve().astype(np.longdouble)
    if basis.terms.intercept:
        coefficients[0] += level
    if factor.rank == factor.terms and len(data.X) * factor.terms * data.y.shape[1] <= REFINED_VALUES:
        _refine(basis, data, factor, coefficients)
    return Solution(coefficients, factor.rank, factor.condition, factor.redundant(NAMED_TERMS))


def _levels(y: Array) -> Array:
    """Return the middle of each output's range, which for a constant output is exactly that constant."""
    low, high = limits(y, name="y")
    return np.where(low == high, low, low / 2 + high / 2)


def _factor(basis: Basis, data: Observations, level: Array, progress: Callable[[float], None]) -> Factor:
    """Absorb the rows, y without its level, block by block."""
    terms = basis.terms.count
    triangle = Triangle(terms, data.y.shape[1], len(data.X))
    done = 0
    for part in data.blocks(triangle.block_rows):

        def fill(block: Array, part: Observations = part) -> None:
            basis.expand(part.X, block[:terms])
            np.subtract(part.y.T, level[:, np.newaxis], out=block[terms:])
            if part.weight is not None:
                np.multiply(block, np.sqrt(part.weight), out=block)

        triangle.absorb(len(part.X), fill)
        done += len(part.X)
        progress(done / len(data.X))
    return triangle.factor()


def _refine(basis: Basis, data: Observations, factor: Factor, coefficients: Extended) -> None:
    """Correct coefficients (terms, k) in place until they are correct to about the last bit of float64.

    The residual of each row is computed in extended precision, if the platform has it. Passes end when the corrections
    no longer halve, which happens early for terms that are nearly dependent.
    """
    previous = factor.lengths(coefficients)
    enough = previous * np.finfo(np.float64).eps / 32
    for _ in range(MAX_PASSES):
        correction = factor.correct(_gradient(basis, data, coefficients))
        step = factor.lengths(correction)
        if not (step <= previous / 2).all():
            return
        coefficients += correction
        if (step <= enough).all():
            return
        previous = step


def _gradient(basis: Basis, data: Observations, coefficients: Extended) -> Array:
    """Return Aᵀ W (y − A x), (terms, k)."""
    terms = basis.terms.count
    gradient = np.zeros(coefficients.shape, dtype=np.longdouble)
    space = np.empty((terms, max(1, REFINED_BLOCK // terms)), dtype=np.longdouble)
    for part in data.blocks(space.shape[1]):
        block = space[:, : len(part.X)]
        basis.expand(part.X.astype(np.longdouble), block)
        residual = part.y - np.dot(block.T, coefficients)
        if part.weight is not None:
            residual *= part.weight[:, np.newaxis]
        gradient += np.dot(block, residual)
    return gradient.astype(np.float64)
