"""Progress of a fit: told by blocks to whoever asked, and to nobody else."""

import numpy as np
import pytest

from app.model.linear import LinearRegressor
from app.model.models import MultivariateRegressor, PolynomialRegressor
from app.model.progress import report, reporting


def fit(model: LinearRegressor, rows: int, inputs: int, outputs: int) -> None:
    """Fit to random numbers."""
    rng = np.random.default_rng(1)
    model.fit(rng.normal(size=(rows, inputs)), rng.normal(size=(rows, outputs)))


@pytest.mark.parametrize(
    ("model", "rows", "inputs", "outputs", "reports"),
    [
        (PolynomialRegressor(), 10, 1, 1, 1),
        (PolynomialRegressor(degree=2), 5_000, 1, 1, 3),
        (MultivariateRegressor(), 4_097, 2, 40, 9),
        (MultivariateRegressor(), 3_000, 200, 300, 5),
    ],
    ids=["one block", "blocks", "blocks of groups of outputs", "wide blocks of groups of outputs"],
)
def test_a_fit_reports_rising_fractions(
    model: LinearRegressor, rows: int, inputs: int, outputs: int, reports: int
) -> None:
    """After each block of each group of outputs it is further than before, and after the last one all is done."""
    told: list[float] = []
    with reporting(told.append):
        fit(model, rows, inputs, outputs)
    assert len(told) == reports
    assert all(before < after for before, after in zip([0.0, *told], told, strict=False))
    assert told[-1] == 1.0


def test_a_fit_that_nobody_asked_reports_nothing() -> None:
    """Neither before somebody asks nor after."""
    told: list[float] = []
    fit(PolynomialRegressor(), 5_000, 1, 1)
    with reporting(told.append):
        pass
    fit(PolynomialRegressor(), 5_000, 1, 1)
    assert told == []


def test_the_inner_of_two_is_told() -> None:
    """A fit inside of another's work has its own listener, and the outer one is back when it ends."""
    outer: list[float] = []
    inner: list[float] = []
    with reporting(outer.append):
        report(0.25)
        with reporting(inner.append):
            report(0.5)
        report(0.75)
    assert (outer, inner) == ([0.25, 0.75], [0.5])


def test_nobody_is_told_after_a_fit_that_failed() -> None:
    """What a fit raises passes through, and ends the listening."""
    told: list[float] = []
    with pytest.raises(ValueError, match="NaN"), reporting(told.append):
        PolynomialRegressor().fit([[1.0], [np.nan]], [1.0, 2.0])
    report(1.0)
    assert told == []
