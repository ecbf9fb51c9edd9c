"""Progress of a fit: reported block by block to the callback that is set, and to no other."""

import numpy as np
import pytest

from app.model.linear import LinearRegressor
from app.model.models import MultivariateRegressor, PolynomialRegressor
from app.model.progress import part_of_progress, report, reporting


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
def test_a_fit_seenrising_fractions(model: LinearRegressor, rows: int, inputs: int, outputs: int, reports: int) -> None:
    """After each block of each group of outputs it is further than before, and after the last one all is done."""
    seen: list[float] = []
    with reporting(lambda fraction, _: seen.append(fraction)):
        fit(model, rows, inputs, outputs)
    assert len(seen) == reports
    assert all(before < after for before, after in zip([0.0, *seen], seen, strict=False))
    assert seen[-1] == 1.0


def test_without_a_callback_nothing_is_reported() -> None:
    """Neither before somebody asks nor after."""
    seen: list[float] = []
    fit(PolynomialRegressor(), 5_000, 1, 1)
    with reporting(lambda fraction, _: seen.append(fraction)):
        pass
    fit(PolynomialRegressor(), 5_000, 1, 1)
    assert seen == []


def test_the_inner_of_two_callbacks_is_called() -> None:
    """A fit inside of another's work has its own listener, and the outer one is back when it ends."""
    outer: list[float] = []
    inner: list[float] = []
    with reporting(lambda fraction, _: outer.append(fraction)):
        report(0.25)
        with reporting(lambda fraction, _: inner.append(fraction)):
            report(0.5)
        report(0.75)
    assert (outer, inner) == ([0.25, 0.75], [0.5])


def test_after_a_failed_fit_no_callback_is_left() -> None:
    """What a fit raises passes through, and ends the listening."""
    seen: list[float] = []
    with pytest.raises(ValueError, match="NaN"), reporting(lambda fraction, _: seen.append(fraction)):
        PolynomialRegressor().fit([[1.0], [np.nan]], [1.0, 2.0])
    report(1.0)
    assert seen == []


def test_parts_of_the_work_count_as_parts_of_the_whole() -> None:
    seen: list[tuple[float, str]] = []
    with reporting(lambda fraction, step: seen.append((fraction, step))):
        with part_of_progress(0.5, 1.0), part_of_progress(0.0, 0.5):
            report(0.5, "inside")
        report(1.0, "outside")
    assert seen == [(0.625, "inside"), (1.0, "outside")]
