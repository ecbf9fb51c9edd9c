"""Indicators of texts and truth values: their powers, and products within a group, are no terms."""

from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import PolynomialFeatures

from app.model.linear import LinearRegressor
from app.model.models import MultivariateRegressor, PolynomialRegressor

Array = NDArray[np.float64]
Groups = list[int | None]
GROUPS: list[Groups] = [
    [None],
    [0],
    [0, 0, 0],
    [None, 0, 0, None],
    [0, 0, 1, 1, 1],
    [0, None, 1, 1, None, None, 2],
    [None, None, 5, 5],
]


def expected_terms(groups: Groups, degree: int, *, interactions: bool, intercept: bool) -> list[tuple[int, ...]]:
    """All products up to the degree, without those that repeat a group, in the order of degree and input."""
    found: list[tuple[int, ...]] = [()] if intercept else []
    for total in range(1, degree + 1):
        for term in combinations_with_replacement(range(len(groups)), total):
            held = [groups[i] for i in term if groups[i] is not None]
            if len(held) == len(set(held)) and (interactions or len(set(term)) == 1):
                found.append(term)
    return found


@pytest.mark.parametrize("groups", GROUPS, ids=str)
@pytest.mark.parametrize("degree", [1, 2, 3, 5])
@pytest.mark.parametrize("interactions", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
def test_terms_are_those_of_brute_force(groups: Groups, degree: int, *, interactions: bool, intercept: bool) -> None:
    """Their number, known before they are made, their names, and their values."""
    model = PolynomialRegressor(degree, interactions=interactions, fit_intercept=intercept)
    model.set_indicators(groups)
    expected = expected_terms(groups, degree, interactions=interactions, intercept=intercept)
    layout = model._layout(len(groups))
    assert layout.factors() == expected
    assert model.n_terms(len(groups)) == layout.count == len(expected)
    values = np.random.default_rng(1).normal(size=(3, len(groups)))
    made = np.empty((layout.count, 3))
    made[: layout.first] = 1
    made[layout.first : layout.first + len(groups)] = values.T
    for new, old, factor in layout.steps():
        made[new] = made[old] * made[factor]
    np.testing.assert_allclose(made, [np.prod(values[:, list(term)], axis=1) for term in expected])


def table(rows: int = 0) -> tuple[Array, Array, Groups]:
    """Every combination of a text of three, a truth value and five numbers; or that many rows of them."""
    cells = product([(0, 0), (1, 0), (0, 1)], [0, 1], [-2.0, -1.0, 0.5, 3.0, 4.0])
    X = np.array([[*text, number, truth] for text, truth, number in cells])
    rng = np.random.default_rng(2)
    X = X[rng.integers(0, len(X), rows)] if rows else X
    return X, rng.normal(size=len(X)), [0, 0, None, 3]


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("degree", [2, 3, 4])
def test_nothing_is_lost_and_nothing_is_redundant(degree: int, *, intercept: bool) -> None:
    """The rank is that of all products, and predictions are those of a fit to all products."""
    X, y, groups = table()
    model = PolynomialRegressor(degree, fit_intercept=intercept)
    model.set_indicators(groups)
    model.fit(X, y)
    assert model.warnings(list("abcd")) == []
    design = PolynomialFeatures(degree, include_bias=intercept).fit_transform(X)
    assert model.rank_ == np.linalg.matrix_rank(design)
    np.testing.assert_allclose(model.predict(X), design @ np.linalg.lstsq(design, y)[0], atol=1e-9)
    again = PolynomialRegressor(degree, fit_intercept=intercept).fit(X, y)
    assert again.rank_ < again.n_terms(4)


def test_a_restored_model_knows_its_indicators() -> None:
    """They are kept with what was learned, and so is the row that is predicted alone."""
    X, y, groups = table(rows=200)
    model = PolynomialRegressor()
    model.set_indicators(groups)
    model.fit(X, y)
    restored = PolynomialRegressor.restore(model.get_params(), model.learned())
    np.testing.assert_array_equal(restored.predict(X), model.predict(X))
    np.testing.assert_array_equal(restored.predict(X[:1]), model.predict(X)[:1])
    assert restored.terms(list("abcd")) == model.terms(list("abcd"))


@pytest.mark.parametrize("model", [PolynomialRegressor(), MultivariateRegressor()])
def test_indicators_belong_to_the_columns_of_the_fit(model: LinearRegressor) -> None:
    """Another width is refused; without indicators nothing is kept of them."""
    model.set_indicators([0, None])
    with pytest.raises(ValueError, match="X has 3 columns, but set_indicators was given 2"):
        model.fit(np.eye(3), [1.0, 2.0, 3.0])
    model.set_indicators([None, None, None])
    assert "indicators_" not in model.fit(np.eye(3), [1.0, 2.0, 3.0]).learned()


def test_the_number_of_terms_of_many_texts_is_known_at_once() -> None:
    """One column of 1,000 texts and five numbers: each text multiplies the products of lower degree."""
    model = PolynomialRegressor()
    model.set_indicators([*[0] * 999, None, None, None, None, None])
    assert model.n_terms(1_004) == 56 + 999 * 21
