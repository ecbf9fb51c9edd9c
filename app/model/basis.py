"""The scaled basis in which a polynomial is fitted and evaluated, and the conversion back to the units of the data.

Each input x becomes u = (x - centre) / scale in about [-1, 1]. Powers of u are much less correlated than powers of x,
which would cost an unscaled fit its precision. Scales are powers of two and centres are round, so that u is nearly
always exact.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from app.model.dataframes import Array
from app.model.terms import Terms

EXPONENT_LIMIT = 1000
"""Scales stay within 2^±1000, so that their reciprocals are exact, too."""


class Basis:
    """Terms over inputs that are shifted by `centre` (p,) and divided by `scale` (p,)."""

    def __init__(self, terms: Terms, centre: Array, scale: Array) -> None:
        self.terms = terms
        self.centre = centre
        self.scale = scale
        self._steps = tuple(terms.steps())
        self._shift = centre[:, np.newaxis]
        self._factor = 1.0 / scale[:, np.newaxis]

    @classmethod
    def spanning(cls, terms: Terms, low: Array, high: Array) -> Self:
        """Choose the basis for inputs between `low` (p,) and `high` (p,).

        Nothing is shifted without an intercept, which would absorb the constant of a shift. Nothing is scaled for a
        degree of one: then the columns are the inputs, and `least_squares` equilibrates columns.
        """
        centre, scale = np.zeros(terms.inputs), _power_of_two(np.maximum(np.abs(low), np.abs(high)))
        if terms.intercept:
            scale = _power_of_two(high / 2 - low / 2)
            centre = np.round((high / 2 + low / 2) / scale * 8) * (scale / 8)
        return cls(terms, centre, scale if terms.degree > 1 else np.ones(terms.inputs))

    def expand(self, X: NDArray[np.floating], out: NDArray[np.floating]) -> None:
        """Write the terms of X (m, p) into out (terms, m), in the precision that both have."""
        first = self.terms.first
        out[:first] = 1.0
        inputs = out[first : first + self.terms.inputs]
        np.subtract(X.T, self._shift, out=inputs)
        if self.terms.degree > 1:
            np.multiply(inputs, self._factor, out=inputs)
        for new, old, factor in self._steps:
            np.multiply(out[old], out[factor], out=out[new])

    def to_units(self, coefficients: NDArray[np.floating]) -> Array:
        """Turn coefficients (terms, k) of the scaled basis into those of the plain powers of the inputs.

        One Taylor shift per input (Horner's scheme), under which the terms of a polynomial are closed; in extended
        precision where the platform has it. Raises OverflowError for coefficients beyond float64.
        """
        factors = self.terms.factors()
        exponents = np.log2(self.scale).astype(np.int64)
        powers = np.array([-sum(int(exponents[i]) for i in term) for term in factors], dtype=np.int64)
        plain = np.ldexp(coefficients.astype(np.longdouble), powers[:, np.newaxis])
        moved = np.flatnonzero(self.centre).tolist()
        for i, order in zip(moved, _shift_orders(factors, moved), strict=True):
            for lower, upper in order:
                plain[lower] -= np.longdouble(self.centre[i]) * plain[upper]
        result = plain.astype(np.float64) + 0.0  # turns -0.0 into 0.0
        if not np.isfinite(result).all():
            raise OverflowError("a coefficient is beyond float64")
        return result


def _power_of_two(size: Array) -> Array:
    """Return the next power of two above each size; 1 for a size of 0."""
    exponents = np.clip(np.frexp(size)[1], -EXPONENT_LIMIT, EXPONENT_LIMIT)
    return np.where(size > 0, np.ldexp(1.0, exponents), 1.0)


def _shift_orders(factors: list[tuple[int, ...]], moved: list[int]) -> list[list[tuple[list[int], list[int]]]]:
    """Return for each shifted input pairs of term lists (one power lower, upper).

    They are in the order of repeated synthetic division. One pass over the terms serves all inputs.
    """
    index = {term: k for k, term in enumerate(factors)}
    levels: dict[int, list[tuple[list[int], list[int]]]] = {i: [] for i in moved}
    for k, term in enumerate(factors):
        for i in levels.keys() & term:
            power, at, own = term.count(i), term.index(i), levels[i]
            own.extend(([], []) for _ in range(power - len(own)))
            own[power - 1][0].append(index[term[:at] + term[at + 1 :]])
            own[power - 1][1].append(k)
    return [[pair for lowest in range(len(own)) for pair in reversed(own[lowest:])] for own in levels.values()]
