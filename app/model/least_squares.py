"""Streamed least squares: Householder QR of row blocks merged into one triangle (TSQR), in constant memory.

Golub & Van Loan, Matrix Computations, §5.2 (Householder QR), §5.5 (rank deficiency); merging: Demmel et al.,
"Communication-optimal parallel and sequential QR and LU factorizations", SIAM J. Sci. Comput. 34 (2012).
No normal equations, no inverse. SciPy is imported by the first fit: a process that never fits saves its memory and
import time.
"""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from app.model.dataframes import Array

NARROW = 192
"""Columns up to which `tpqrt` is used: faster there, but it keeps the interpreter lock, so it must be short (10 ms)."""
NARROW_ROWS = 2048
PANEL = 4
"""Columns that `tpqrt` reduces at once: with 2,048 rows few enough that BLAS starts no useless threads."""
WIDE_VALUES = 2**22
"""Values of a wide block: 32 MB, unless as many rows as columns need more."""


class Triangle:
    """The factor R of all rows [A | y] absorbed so far: its leading part is R of A, its last columns begin with Qᵀy.

    At most `rows` rows come. Fewer than there are columns make a factor of that height.
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

    def solve(self) -> tuple[Array, int]:
        """Return coefficients (terms, outputs) and rank; of many solutions the shortest one in equilibrated columns.

        Raises OverflowError when a row held NaN or infinity, or the rows were too large for float64.
        """
        if not np.isfinite(self._factor).all():
            raise OverflowError("the triangle of the rows is not finite")
        self._space = np.empty(0)
        scaled, exponents = _equilibrate(np.triu(self._factor[: self._terms, : self._terms]))
        solution, rank = _solve(self._lapack, scaled, self._factor[: self._terms, self._terms :])
        return np.ldexp(solution, -exponents[:, np.newaxis]), rank


def _equilibrate(triangle: Array) -> tuple[Array, NDArray[np.int32]]:
    """Scale columns to about unit length by powers of two, which is exact; return the exponents as well."""
    largest = np.frexp(np.abs(triangle).max(axis=0))[1]
    scaled = np.ldexp(triangle, -largest)
    remaining = np.frexp(np.sqrt(np.einsum("ij,ij->j", scaled, scaled)))[1]
    return np.asfortranarray(np.ldexp(scaled, -remaining)), largest + remaining


def _solve(lapack: ModuleType, triangle: Array, right: Array) -> tuple[Array, int]:
    """Solve `triangle` x = `right` by rank-revealing, column-pivoted QR; the triangle is overwritten.

    It is as wide as there are terms, and lower where there are fewer rows.
    """
    n = triangle.shape[1]
    work = 64 * (n + right.shape[1])
    factor, pivots, tau, _, _ = lapack.dgeqp3(triangle, lwork=work, overwrite_a=1)
    right = lapack.dormqr("L", "T", factor[:, : len(tau)], tau, right, lwork=work)[0]
    diagonal = np.abs(np.diagonal(factor))
    rank = int(np.count_nonzero(diagonal > 8 * n * np.finfo(np.float64).eps * diagonal[0]))
    solution: Array = np.zeros((n, right.shape[1]))
    if rank == n:
        solution[pivots - 1] = lapack.dtrtrs(factor, right)[0]
    elif rank:
        solution[pivots - 1] = _shortest(lapack, np.triu(factor[:rank]), right[:rank], work)
    return solution, rank


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
