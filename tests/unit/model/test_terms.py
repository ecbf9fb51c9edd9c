"""The terms of a polynomial: their number, names and order, and the coefficients that belong to them."""

import math

import numpy as np
import pytest

from app.model.models import MultivariateRegressor, PolynomialRegressor
from app.model.terms import Terms

KINDS = [(interactions, intercept) for interactions in (True, False) for intercept in (True, False)]


def test_terms_are_named_in_order() -> None:
    """The constant comes first, then total degree by total degree, in the order of the inputs."""
    assert PolynomialRegressor(degree=3).terms(["x"]) == ["1", "x", "x^2", "x^3"]
    assert PolynomialRegressor(degree=2).terms(["x1", "x2"]) == ["1", "x1", "x2", "x1^2", "x1 x2", "x2^2"]
    assert PolynomialRegressor(degree=3).terms(["a", "b"])[6:] == ["a^3", "a^2 b", "a b^2", "b^3"]
    assert PolynomialRegressor(degree=2, interactions=False).terms(["a", "b"]) == ["1", "a", "b", "a^2", "b^2"]
    assert MultivariateRegressor(fit_intercept=False).terms(["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(("interactions", "intercept"), KINDS)
@pytest.mark.parametrize(("inputs", "degree"), [(1, 1), (1, 7), (2, 3), (4, 4), (7, 2)])
def test_number_of_terms(inputs: int, degree: int, *, interactions: bool, intercept: bool) -> None:
    """What is counted without making the terms is what there is, each once and none above the degree."""
    terms = Terms(inputs, degree, interactions, intercept)
    factors = terms.factors()
    assert terms.count == len(factors) == len(set(factors))
    assert max(map(len, factors)) == degree
    assert factors == sorted(factors, key=lambda term: (len(term), term))


def test_size_is_known_before_anything_is_made() -> None:
    """Even an absurd number of terms is an exact integer, at once."""
    model = PolynomialRegressor(degree=50)
    assert model.n_terms(10_000) == math.comb(10_050, 50)
    assert model.design_bytes(3, 10_000) == 5 * math.comb(10_050, 50) ** 2 * 8
    assert PolynomialRegressor().design_bytes(27, 30) == 5 * 27 * math.comb(33, 3) * 8
    assert MultivariateRegressor().design_bytes(1_000, 16) == 1_000 * 17 * 8


def test_too_many_terms_are_refused() -> None:
    """A fit whose triangle would fill the memory is refused before it begins."""
    with pytest.raises(ValueError, match="terms are too many"):
        PolynomialRegressor(degree=50).fit(np.ones((2, 200)), np.ones(2))


@pytest.mark.parametrize(("interactions", "intercept"), KINDS)
def test_coefficients_are_in_units_of_the_data(*, interactions: bool, intercept: bool) -> None:
    """A polynomial in three inputs is found again, coefficient by coefficient, wherever the inputs lie."""
    rng = np.random.default_rng(4)
    X = rng.uniform([10, -1, 0.001], [20, 1, 0.002], size=(200, 3))
    model = PolynomialRegressor(degree=3, interactions=interactions, fit_intercept=intercept)
    truth = rng.normal(size=model.n_terms(3))
    columns = [np.prod(X[:, term], axis=1) for term in map(list, Terms(3, 3, interactions, intercept).factors())]
    model.fit(X, np.column_stack(columns) @ truth)
    size = np.abs(np.column_stack(columns)).max(axis=0)
    np.testing.assert_allclose(model.coefficients_ * size, truth * size, rtol=1e-6, atol=1e-9)
