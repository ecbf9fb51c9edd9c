"""Certified data sets, and how many digits of a fit are right."""

import csv
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).parents[2] / "data"
NAMES = sorted(path.stem for path in DATA.glob("*.csv"))

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Certified:
    """A data set with NIST's certified fit."""

    X: Array
    y: Array
    inputs: list[str]
    target: str
    model: str
    params: dict[str, Any]
    terms: list[str]
    coefficients: list[float]
    r2: float


def certified(name: str) -> Certified:
    """Read a data set of tests/data."""
    facts = json.loads((DATA / "certified.json").read_text())[name]
    header, *rows = csv.reader((DATA / f"{name}.csv").read_text().splitlines())
    values = np.array(rows, dtype=float)
    target = header.index(facts["target"])
    inputs = [column for column in header if column != facts["target"]]
    return Certified(np.delete(values, target, axis=1), values[:, target], inputs, **facts)


def exact(design: list[list[Fraction]], y: list[Fraction]) -> list[Fraction]:
    """Solve a least squares problem without any rounding: Gauss-Jordan on the normal equations in rational numbers."""
    n = len(design[0])
    table = [
        [sum(row[i] * row[j] for row in design) for j in range(n)]
        + [sum(row[i] * value for row, value in zip(design, y, strict=True))]
        for i in range(n)
    ]
    for i in range(n):
        for k in set(range(n)) - {i}:
            ratio = table[k][i] / table[i][i]
            table[k] = [a - ratio * b for a, b in zip(table[k], table[i], strict=True)]
    return [table[i][n] / table[i][i] for i in range(n)]


def exact_polynomial(x: Array, y: Array, degree: int) -> list[Fraction]:
    """Solve for the coefficients of a polynomial in one input without any rounding."""
    return exact([[Fraction(v) ** k for k in range(degree + 1)] for v in x.tolist()], [Fraction(v) for v in y.tolist()])


def digits(values: Array, truth: list[Fraction] | list[float]) -> float:
    """Count the digits that are right in the worst of the values: the least log relative error, at most 15."""
    errors = [abs(Fraction(value) / Fraction(true) - 1) for value, true in zip(values.tolist(), truth, strict=True)]
    return float(-np.log10(max(1e-15, *map(float, errors))))
