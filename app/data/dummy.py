"""A seeded source of noisy points around a known function, to try the service without data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from app.schemas.tables import Matrix, Table
from app.schemas.tasks import Task

Function: TypeAlias = Callable[[Matrix], Matrix]

CUBIC = [3.0, 0.4, -3.0, 2.0]
BLOCK_ROWS = 65_536
LOW, HIGH = "low", "high"
NODES = 32  # of the rule for the mean of the function, exact up to degree 63

Coefficients = Annotated[list[float], Meta(min_length=1, max_length=32)]


class DummyParams(msgspec.Struct, forbid_unknown_fields=True):
    """The parameters that a request may set; `function` lists a polynomial's coefficients, the constant first.

    `kind` is the kind of y: numbers, or classes for a classifier.
    """

    number: Annotated[int, Meta(ge=1, le=2**40)] = 50
    noise: Annotated[float, Meta(ge=0, le=1e6)] = 0.2
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    inputs: Annotated[int, Meta(ge=1, le=2**20)] = 1
    function: Coefficients = msgspec.field(default_factory=lambda: list(CUBIC))
    kind: Literal["numbers", "classes"] = "numbers"


class Dummy(DummyParams):
    """Points around 3 + 0.4x − 3x² + 2x³ on [−1, 1], with uniform multiplicative noise.

    With several inputs the function is applied to each and the values are added. For the kind `classes`, y is high if
    that number is over its mean, and low otherwise. In Python `function` may be any
    callable that works element by element. The same parameters always give the same points.
    """

    name: ClassVar[str] = "dummy"
    Params: ClassVar[type[msgspec.Struct]] = DummyParams

    # requests cannot contain a callable
    function: list[float] | Function = msgspec.field(default_factory=lambda: list(CUBIC))  # type: ignore[assignment]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and inputs of the table that `read` returns; nothing is allocated."""
        return self.number, self.inputs

    @property
    def task(self) -> Task:
        """The task of y: numbers for regressors, labels for classifiers."""
        return "regression" if self.kind == "numbers" else "classification"

    def read(self) -> Table:
        """Return a table of X (number, inputs) and y (number,); `X, y = Dummy().read()` takes it apart."""
        generator = np.random.default_rng(self.seed)
        X = generator.uniform(-1.0, 1.0, size=(self.number, self.inputs))
        factor = generator.uniform(1.0 - self.noise, 1.0 + self.noise, size=self.number)
        function = self.function if callable(self.function) else np.polynomial.Polynomial(self.function)
        for start in range(0, self.number, BLOCK_ROWS):  # no temporary array as large as X, no long hold of the GIL
            block = slice(start, start + BLOCK_ROWS)
            with np.errstate(all="ignore"):  # the model refuses overflows
                factor[block] *= function(X[block]).sum(axis=1)
        if self.kind == "numbers":
            return Table(X, factor)
        # labels for a classifier; the reader of the source converts them to codes
        y = np.where(factor > self.inputs * _mean(function), HIGH, LOW)
        return Table(X, y)


def _mean(function: Function) -> float:
    """Return the mean of a function on [−1, 1], by Gauss and Legendre's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    with np.errstate(all="ignore"):
        return float(weights @ function(nodes)) / 2
