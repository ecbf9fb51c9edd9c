"""The terms of a polynomial: their number, their names, and how each is computed from a term of lower degree."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

Step = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True)
class Terms:
    """Products of powers of the inputs: the constant, then by total degree, then lexicographically by input.

    Powers of an indicator and products of two indicators of one group are excluded: they would repeat others, or be 0.
    """

    inputs: int
    degree: int
    interactions: bool
    intercept: bool
    indicators: tuple[int | None, ...] = ()
    """For each indicator among the inputs the number of its group, whose members are adjacent; None for other inputs.
    Empty without indicators."""

    @property
    def first(self) -> int:
        """Index of the first input's own term: 1 after a constant, else 0."""
        return 1 if self.intercept else 0

    @property
    def count(self) -> int:
        """The number of terms, computed without creating them."""
        groups = Counter(group for group in self.indicators if group is not None)
        plain = self.inputs - groups.total()
        if not self.interactions:
            return self.first + plain * self.degree + groups.total()
        choices = [1] + [0] * self.degree  # of k indicators from k groups: elementary symmetric polynomials
        for size in groups.values():
            for k in range(self.degree, 0, -1):
                choices[k] += choices[k - 1] * size
        left = range(self.degree, -1, -1)
        return self.first - 1 + sum(n * math.comb(plain + k, k) for n, k in zip(choices, left, strict=True))

    def steps(self) -> Iterator[Step]:
        """Yield (new, old, factor) from degree two on: the terms `new` are `old` times the inputs `factor`."""
        return self._products() if self.interactions else self._powers()

    def _powers(self) -> Iterator[Step]:
        new = self.first + self.inputs
        runs = [slice(self.first + run.start, self.first + run.stop) for run in self._plain_runs()]
        below = runs
        for _ in range(1, self.degree):
            powers = []
            for run, old in zip(runs, below, strict=True):
                powers.append(slice(new, new + run.stop - run.start))
                yield powers[-1], old, run
                new = powers[-1].stop
            below = powers

    def _plain_runs(self) -> list[slice]:
        """Return the inputs that are not indicators, as runs of adjacent inputs."""
        if not self.indicators:
            return [slice(0, self.inputs)]
        runs = groupby(range(self.inputs), key=lambda i: self.indicators[i] is None)
        plain = [list(run) for is_plain, run in runs if is_plain]
        return [slice(run[0], run[-1] + 1) for run in plain]

    def _products(self) -> Iterator[Step]:
        # x_i times the terms of the degree below that contain no earlier input; those are the last ones of that degree.
        # Of an indicator it is those that contain no input of its group either, which are the last ones again.
        partners = self._first_partners()
        end = self.first + self.inputs
        starts = list(range(self.first, end))
        for _ in range(1, self.degree):
            above, new = [], end
            starts.append(end)
            for i in range(self.inputs):
                above.append(new)
                start = starts[partners[i]]
                if start < end:
                    new_end = new + end - start
                    yield slice(new, new_end), slice(start, end), slice(self.first + i, self.first + i + 1)
                    new = new_end
            starts, end = above, new

    def _first_partners(self) -> list[int]:
        """Return for each input the first input, itself or a later one, with which it may be multiplied."""
        partners = list(range(self.inputs))
        for i in reversed(range(len(self.indicators))):
            group = self.indicators[i]
            if group is not None:
                same = i + 1 < self.inputs and self.indicators[i + 1] == group
                partners[i] = partners[i + 1] if same else i + 1
        return partners

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
