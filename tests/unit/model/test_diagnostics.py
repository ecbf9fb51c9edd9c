"""What a fit says about itself: rank, condition and warnings; and a constant output, which is met exactly."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.model.base import Regressor
from app.model.linear import LinearRegressor
from app.model.models import MultivariateRegressor, PolynomialRegressor
from app.model.solution import NAMED_TERMS, REFINED_VALUES
from tests.unit.model.test_contract import Mean

Array = NDArray[np.float64]
RNG = np.random.default_rng(1)
INDEPENDENT = RNG.normal(size=(40, 3))


def test_independent_terms_give_no_warning() -> None:
    """Rank and terms agree, and the condition is that of the matrix but for a small factor."""
    model = MultivariateRegressor().fit(INDEPENDENT, INDEPENDENT[:, 0])
    found = model.diagnostics()
    assert (found["rank"], found["terms"]) == (4, 4)
    unit = np.column_stack((np.ones(40), INDEPENDENT))
    assert 1 <= found["condition"] < 10 * np.linalg.cond(unit / np.linalg.norm(unit, axis=0))
    assert model.warnings(["a", "b", "c"]) == []


A, B, C = INDEPENDENT.T
DEPENDENT = {
    "a line of another": (np.column_stack((A, 2 * A + 1)), "1 of 3 terms is redundant: b"),
    "a sum": (np.column_stack((A, B, A + B, C)), "1 of 5 terms is redundant: c"),
    "a constant": (np.column_stack((np.full(40, 7.0), A)), "1 of 3 terms is redundant: a"),
    "two": (np.column_stack((A, A, B, A - B)), "2 of 5 terms are redundant: b, d"),
    "nothing but zeros": (np.zeros((40, 2)), "2 of 3 terms are redundant: a, b"),
    "other units": (np.column_stack((A, 1e9 * B, 1e-9 * A + B)), "1 of 4 terms is redundant: c"),
}


@pytest.mark.parametrize("case", DEPENDENT)
def test_redundant_terms_are_those_that_depend_on_terms_before(case: str) -> None:
    """As R's lm leaves them out; the rank is numpy's."""
    X, warning = DEPENDENT[case]
    model = MultivariateRegressor().fit(X, RNG.normal(size=40))
    assert model.warnings(list("abcd")[: X.shape[1]]) == [warning]
    centred = (X - X.mean(axis=0)) / np.where(np.ptp(X, axis=0) > 0, np.linalg.norm(X, axis=0), 1)
    assert model.diagnostics()["rank"] == 1 + np.linalg.matrix_rank(centred, tol=1e-12)
    assert model.diagnostics()["condition"] == np.inf


def test_only_some_of_many_redundant_terms_are_named() -> None:
    """Those that come last, and the number of the others."""
    X = np.tile(A[:, None], 30)
    (warning,) = MultivariateRegressor().fit(X, A).warnings([f"x{i}" for i in range(30)])
    named = ", ".join(f"x{i}" for i in range(30 - NAMED_TERMS, 30))
    assert warning == f"29 of 31 terms are redundant: {named} and {29 - NAMED_TERMS} more"


def test_fewer_rows_than_terms() -> None:
    """Rows that weigh nothing do not count."""
    few = "there are fewer rows than terms (3 and 4)"
    words = f"{few}: many coefficients fit equally well, and r2 says nothing about new data"
    x = np.array([[1.0], [2.0], [4.0], [8.0]])
    assert PolynomialRegressor().fit(x[:3], [1.0, 2.0, 3.0]).warnings(["x"]) == [words]
    assert PolynomialRegressor().fit(x, [1.0, 2.0, 3.0, 4.0], [1, 1, 0, 2]).warnings(["x"]) == [words]
    both = MultivariateRegressor().fit([[1.0, 1.0], [1.0, 1.0]], [1.0, 2.0]).warnings(["a", "b"])
    assert both == [words.replace("3 and 4", "2 and 3"), "2 of 3 terms are redundant: a, b"]


def test_terms_that_nearly_depend_on_each_other() -> None:
    """The number of digits that are lost grows with the condition."""
    model = MultivariateRegressor().fit(np.column_stack((A, A + 1e-10 * B)), A)
    (warning,) = model.warnings(["a", "b"])
    assert warning.startswith("the terms nearly depend on each other (condition ")
    assert warning.endswith("about 10 of the 16 digits of the coefficients are lost")


def test_a_model_without_terms_says_nothing() -> None:
    model: Regressor = Mean().fit(INDEPENDENT, A)
    assert (model.diagnostics(), model.warnings(["a", "b", "c"])) == ({}, [])


@pytest.mark.parametrize("constant", [5.0, 0.1, -1e300, 1e-310, 0.0, 12345.678])
@pytest.mark.parametrize("model", [MultivariateRegressor(), PolynomialRegressor(), PolynomialRegressor(degree=1)])
@pytest.mark.parametrize("weight", [None, [0.3, 2.0, 0.7]])
def test_a_constant_output_is_met_exactly(model: LinearRegressor, constant: float, weight: list[float] | None) -> None:
    """The intercept is that constant, all other coefficients are zero, predictions are exact and R² is one."""
    x, y = np.array([[1.0], [2.0], [4.0]]), np.full(3, constant)
    model.fit(x, y, weight)
    assert model.coefficients_.tolist() == [constant] + [0.0] * (len(model.coefficients_) - 1)
    assert model.predict([[3.0], [1e6]]).tolist() == [constant, constant]
    assert model.score(x, y, weight) == 1.0


def test_a_constant_output_beside_others() -> None:
    """In a long table, too."""
    X = RNG.normal(size=(REFINED_VALUES, 2))
    model = MultivariateRegressor().fit(X, np.column_stack((X[:, 0], np.full(len(X), 0.1))))
    assert model.coefficients_[:, 1].tolist() == [0.1, 0.0, 0.0]


def test_a_level_of_y_changes_the_intercept_alone() -> None:
    """Also where terms are redundant, and many coefficients fit equally well."""
    X = np.column_stack((A, A))
    low, high = (MultivariateRegressor().fit(X, B + level).coefficients_ for level in (0.0, 1e6))
    np.testing.assert_allclose(high - low, [1e6, 0, 0], atol=1e-8)
