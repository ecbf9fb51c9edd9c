"""The terms of a polynomial: their number, their names, and how each is made from one of lower degree."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

Step = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True)
class Terms:
    """Products of powers of the inputs: the constant, then by total degree, then lexicographically by input."""

    inputs: int
    degree: int
    interactions: bool
    intercept: bool

    @property
    def first(self) -> int:
        """Index of the first input's own term: 1 after a constant, else 0."""
        return 1 if self.intercept else 0

    @property
    def count(self) -> int:
        """The number of terms; none is made for it."""
        products = math.comb(self.inputs + self.degree, self.degree) - 1
        return self.first + (products if self.interactions else self.inputs * self.degree)

    def steps(self) -> Iterator[Step]:
        """Yield (new, old, factor) from degree two on: the terms `new` are `old` times the inputs `factor`."""
        return self._products() if self.interactions else self._powers()

    def _powers(self) -> Iterator[Step]:
        p = self.inputs
        for start in range(self.first + p, self.count, p):
            yield slice(start, start + p), slice(start - p, start), slice(self.first, self.first + p)

    def _products(self) -> Iterator[Step]:
        # x_i times the terms of the degree below that contain no earlier input; those are the last ones of that degree.
        end = self.first + self.inputs
        starts = list(range(self.first, end))
        for _ in range(1, self.degree):
            above, new = [], end
            for i, start in enumerate(starts):
                above.append(new)
                yield slice(new, new + end - start), slice(start, end), slice(self.first + i, self.first + i + 1)
                new += end - start
            starts, end = above, new

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Yield (term, term of one input), whose product is the next term, from the second degree on."""
        for new, old, factor in self.steps():
            single = factor.stop - factor.start == 1
            for k in range(new.stop - new.start):
                yield old.start + k, factor.start + (0 if single else k)

    def factors(self) -> list[tuple[int, ...]]:
        """Spell each term as the ascending indices of its inputs: the constant is (), x1² x2 is (0, 0, 1)."""
        table: list[tuple[int, ...]] = [()] * self.first
        table.extend((i,) for i in range(self.inputs))
        table.extend(table[factor] + table[term] for term, factor in self.pairs())
        return table

    def names(self, inputs: list[str]) -> list[str]:
        """Name the terms: "1", "x1", "x1^2", "x1 x2"."""
        return [_name(factors, inputs) for factors in self.factors()]


def _name(factors: tuple[int, ...], inputs: list[str]) -> str:
    powers = [(inputs[i], sum(1 for _ in run)) for i, run in groupby(factors)]
    return " ".join(name if power == 1 else f"{name}^{power}" for name, power in powers) or "1"
