"""Streamed least squares: Householder QR of row blocks merged into one triangle (TSQR), in constant memory.

Golub & Van Loan, Matrix Computations, §5.2 (Householder QR), §5.5 (rank deficiency); merging: Demmel et al.,
"Communication-optimal parallel and sequential QR and LU factorizations", SIAM J. Sci. Comput. 34 (2012).
No normal equations, no inverse. SciPy is imported by the first fit: a process that never fits saves its memory and
import time.
"""

import math
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from app.model.dataframes import Array

NARROW = 192
"""Up to so many columns `tpqrt` is used: it is faster, but keeps the interpreter lock, so it must be short (10 ms)."""
NARROW_ROWS = 2048
PANEL = 4
"""Columns that `tpqrt` reduces at once: with 2,048 rows few enough that BLAS starts no useless threads."""
WIDE_VALUES = 2**22
"""Values of a wide block: 32 MB, unless as many rows as columns need more."""
NEGLIGIBLE = 1e-8
"""Rounding error of a vector that should be zero, relative to its greatest value."""


class Triangle:
    """The factor R of all rows [A | y] absorbed so far: its leading part is R of A, its last columns begin with Qᵀy.

    At most `rows` rows are absorbed. If they are fewer than the columns, the factor has their number as its height.
    """

    def __init__(self, terms: int, outputs: int, rows: int) -> None:
        self._lapack = import_module("scipy.linalg.lapack")
        self._terms = terms
        self._width = terms + outputs
        self._height = self._width if self._width <= NARROW else min(self._width, rows)
        self._rows = 0
        self._factor: Array = np.zeros((self._height, self._width), order="F")
        self._space: Array = np.empty(0)

    @property
    def block_rows(self) -> int:
        """The number of rows that `absorb` takes fastest in one call."""
        if self._width <= NARROW:
            return NARROW_ROWS
        return max(self._width, min(4 * self._width, WIDE_VALUES // self._width))

    def absorb(self, rows: int, fill: Callable[[Array], None]) -> None:
        """Merge `rows` rows; `fill` writes them, transposed, into an array (terms + outputs, rows)."""
        if self._width <= NARROW:
            self._merge(rows, fill)
        else:
            self._stack(rows, fill)
        self._rows += rows

    def _merge(self, rows: int, fill: Callable[[Array], None]) -> None:
        block = self._workspace(rows)
        fill(block)
        panel = min(PANEL, self._width)
        self._factor = self._lapack.dtpqrt(0, panel, self._factor, block.T, overwrite_a=1, overwrite_b=1)[0]

    def _stack(self, rows: int, fill: Callable[[Array], None]) -> None:
        held = min(self._rows, self._height)
        stack = self._workspace(held + rows)
        stack[:, :held] = self._factor[:held].T
        fill(stack[:, held:])
        reduced = self._lapack.dgeqrf(stack.T, lwork=32 * self._width, overwrite_a=1)[0]
        for column in range(self._width):
            height = min(column + 1, held + rows)
            self._factor[:height, column] = reduced[:height, column]

    def _workspace(self, rows: int) -> Array:
        """Return a contiguous array (width, rows) in the memory that all blocks share."""
        size = self._width * rows
        if self._space.size < size:
            self._space = np.empty(size)
        return self._space[:size].reshape(self._width, rows)

    def factor(self) -> "Factor":
        """Return the pivoted factor, which solves for the coefficients.

        Raises OverflowError when a row held NaN or infinity, or the rows were too large for float64.
        """
        if not np.isfinite(self._factor[: self._rows]).all():
            raise OverflowError("the triangle of the rows is not finite")
        self._space = np.empty(0)
        height = min(self._rows, self._terms)  # below, all is zero
        leading = np.triu(self._factor[:height, : self._terms])
        return Factor(self._lapack, leading, self._factor[:height, self._terms :])


class Factor:
    """The rank-revealing, column-pivoted QR of a triangle R in equilibrated columns: R D P = Q F."""

    def __init__(self, lapack: ModuleType, triangle: Array, right: Array) -> None:
        """`triangle` (rows, terms) has as many rows as terms, or fewer; `right` (rows, outputs) belongs to them."""
        height, self.terms = triangle.shape
        scaled, self._exponents = _equilibrate(triangle)
        self._lapack, self._work = lapack, 64 * (self.terms + right.shape[1])
        self._factor, pivots, tau, _, _ = lapack.dgeqp3(scaled, lwork=self._work, overwrite_a=1)
        self._order = pivots - 1
        self._right = lapack.dormqr("L", "T", self._factor[:, :height], tau, right, lwork=self._work)[0]
        diagonal = np.abs(np.diagonal(self._factor))
        smallest = 8 * self.terms * np.finfo(np.float64).eps * diagonal[0]
        self.rank = int(np.count_nonzero(diagonal > smallest))

    @property
    def condition(self) -> float:
        """An estimate of the condition number (1-norm) of the equilibrated columns; infinite below the full rank."""
        if self.rank < self.terms:
            return math.inf
        reciprocal, _ = self._lapack.dtrcon(self._factor)
        return 1 / float(reciprocal) if reciprocal else math.inf

    def solve(self) -> Array:
        """Return coefficients (terms, outputs): the shortest solution in equilibrated columns if there are many."""
        solution: Array = np.zeros((self.terms, self._right.shape[1]))
        if self.rank == self.terms:
            solution[self._order] = self._lapack.dtrtrs(self._factor, self._right)[0]
        elif self.rank:
            wide = np.triu(self._factor[: self.rank])
            solution[self._order] = _shortest(self._lapack, wide, self._right[: self.rank], self._work)
        return self._unscaled(solution)

    def correct(self, gradient: Array) -> Array:
        """Return the correction of coefficients (terms, outputs) whose residual r has the gradient Aᵀr; full rank only.

        These are the corrected seminormal equations: Björck, Numerical Methods for Least Squares Problems, §6.6.5.
        """
        right = np.ldexp(gradient, -self._exponents[:, np.newaxis])[self._order]
        half = self._lapack.dtrtrs(self._factor, right, trans=1)[0]
        correction = np.empty_like(gradient)
        correction[self._order] = self._lapack.dtrtrs(self._factor, half)[0]
        return self._unscaled(correction)

    def lengths(self, coefficients: NDArray[np.floating]) -> Array:
        """Return the greatest of the coefficients (terms, outputs) of each output, in equilibrated columns."""
        scaled = np.ldexp(np.abs(coefficients).astype(np.float64), self._exponents[:, np.newaxis])
        return np.max(scaled, axis=0)  # type: ignore[no-any-return]

    def redundant(self, most: int) -> list[int]:
        """Return the last terms, `most` of them at most, that depend on the terms before them.

        A column depends on columns before it if a vector of the null space ends with it. `most` random vectors of
        the null space are enough to find the last ones, with little work even for many terms.
        """
        missing = self.terms - self.rank
        count = min(most, missing)
        null: Array = np.empty((self.terms, count))
        free = np.random.default_rng(0).normal(size=(missing, count))
        null[self._order[self.rank :]] = free
        if self.rank:
            known, rest = self._factor[: self.rank, : self.rank], self._factor[: self.rank, self.rank :]
            null[self._order[: self.rank]] = -self._lapack.dtrtrs(known, rest @ free)[0]
        found: list[int] = []
        for _ in range(count):
            lengths = np.sqrt(np.einsum("ij,ij->i", null, null))
            last = int(np.flatnonzero(lengths > NEGLIGIBLE * lengths.max())[-1])
            found.append(last)
            direction = null[last] / lengths[last]
            null -= np.outer(null @ direction, direction)
        return sorted(found)

    def _unscaled(self, coefficients: Array) -> Array:
        return np.ldexp(coefficients, -self._exponents[:, np.newaxis])


def _equilibrate(triangle: Array) -> tuple[Array, NDArray[np.int32]]:
    """Scale columns to about unit length by powers of two, which is exact; return the exponents as well."""
    largest = np.frexp(np.abs(triangle).max(axis=0))[1]
    scaled = np.ldexp(triangle, -largest)
    remaining = np.frexp(np.sqrt(np.einsum("ij,ij->j", scaled, scaled)))[1]
    return np.asfortranarray(np.ldexp(scaled, -remaining)), largest + remaining


def _shortest(lapack: ModuleType, wide: Array, right: Array, work: int) -> Array:
    """Find the shortest x with `wide` x = `right`, wide (rank, n) of full row rank (Golub & Van Loan §5.6.2).

    With wideᵀ = QR it is x = Qw, where Rᵀw = right.
    """
    rank, n = wide.shape
    factor, tau, _, _ = lapack.dgeqrf(wide.T, lwork=work)
    padded: Array = np.zeros((n, right.shape[1]), order="F")
    padded[:rank] = lapack.dtrtrs(factor[:rank], right, trans=1)[0]
    solution: Array = lapack.dormqr("L", "N", factor, tau, padded, lwork=work)[0]
    return solution
