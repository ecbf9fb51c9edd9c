"""Weights of rows: what scikit-learn gives, what repeated rows give, and what leaving rows out gives."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LinearRegression

from app.model.base import Regressor
from app.model.evaluate import evaluate
from app.model.linear import LinearRegressor
from app.model.models import MultivariateRegressor, PolynomialRegressor
from tests.unit.model.reference import exact
from tests.unit.model.test_contract import Mean

Array = NDArray[np.float64]


def example(seed: int, rows: int = 60, outputs: int = 0) -> tuple[Array, Array, Array]:
    """X (n, 3), y (n,) or (n, k), and whole weights from 0 to 4."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(rows, outputs) if outputs else rows)
    return rng.normal(size=(rows, 3)), y, rng.integers(0, 5, rows).astype(float)


MODELS = [
    MultivariateRegressor(),
    MultivariateRegressor(fit_intercept=False),
    PolynomialRegressor(degree=2),
    PolynomialRegressor(degree=3, interactions=False),
]


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("outputs", [0, 2])
@pytest.mark.parametrize("rows", [60, 9_000])
def test_whole_weights_repeat_rows(model: LinearRegressor, outputs: int, rows: int) -> None:
    """A row of weight three counts as three rows, and one of weight zero as none."""
    X, y, weight = example(1, rows, outputs)
    times = weight.astype(int)
    weighted = model.fit(X, y, weight).coefficients_
    repeated = model.fit(np.repeat(X, times, axis=0), np.repeat(y, times, axis=0)).coefficients_
    np.testing.assert_allclose(weighted, repeated, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_weight_of_zero_leaves_the_row_out(model: LinearRegressor) -> None:
    """To the last bit, however far the row lies from the others."""
    X, y, weight = example(2)
    X[weight == 0] *= 1e9
    y[weight == 0] = 1e300
    kept = weight > 0
    left_out = model.fit(X[kept], y[kept], weight[kept]).coefficients_
    np.testing.assert_array_equal(model.fit(X, y, weight).coefficients_, left_out)


def test_only_the_ratios_of_weights_count() -> None:
    """Equal weights are no weights, whatever they are, and a common factor may be at the ends of float64."""
    X, y, weight = example(3)
    model = MultivariateRegressor()
    plain = model.fit(X, y).coefficients_
    for same in (1.0, 0.3, np.full(60, 1e300), [7] * 60):
        np.testing.assert_array_equal(model.fit(X, y, same).coefficients_, plain)
    weighted = model.fit(X, y, weight).coefficients_
    for factor in (1e-300, 1e300):
        np.testing.assert_allclose(model.fit(X, y, factor * weight).coefficients_, weighted, rtol=1e-12)


def test_agrees_with_rational_arithmetic() -> None:
    """Weights that are no whole numbers, against the normal equations solved without rounding."""
    x, y, weight = [1, 2, 3, 5, 8], [2, 1, 4, 4, 9], [0.5, 0.25, 1.75, 3, 0.125]
    root = [Fraction(w) for w in weight]
    n = [[sum(w * Fraction(v) ** (i + j) for w, v in zip(root, x, strict=True)) for j in range(2)] for i in range(2)]
    right = [sum(w * Fraction(v) ** i * t for w, v, t in zip(root, x, y, strict=True)) for i in range(2)]
    expected = exact(n, right)  # a square system is its own least squares problem
    found = MultivariateRegressor().fit(np.array(x, float)[:, None], y, weight).coefficients_
    np.testing.assert_allclose(found, [float(value) for value in expected], rtol=1e-14)


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(3, 40))
@settings(max_examples=100, deadline=None)
def test_metrics_agree_with_scikit_learn(seed: int, outputs: int, rows: int) -> None:
    """Weighted R², root mean square error and mean absolute error, averaged over outputs."""
    rng = np.random.default_rng(seed)
    y, prediction = rng.normal(size=(2, rows, outputs))
    weight = rng.uniform(size=rows) * (rng.uniform(size=rows) < 0.8)
    weight[:3] += 1  # where one row alone counts, rounding decides scikit-learn's R²
    found = evaluate(y, prediction, weight)
    assert found.r2 == pytest.approx(metrics.r2_score(y, prediction, sample_weight=weight), rel=1e-12, abs=1e-12)
    rmse = metrics.root_mean_squared_error(y, prediction, sample_weight=weight)
    assert found.rmse == pytest.approx(rmse, rel=1e-12)
    assert found.mae == pytest.approx(metrics.mean_absolute_error(y, prediction, sample_weight=weight), rel=1e-12)
    assert found.n == rows


def test_metrics_of_many_blocks() -> None:
    """The blocks of a long table are merged by the weights in them, also those where every weight is zero."""
    rng = np.random.default_rng(4)
    y = 100 + rng.normal(size=(200_000, 2))
    prediction = y + rng.normal(size=y.shape)
    weight = rng.uniform(size=len(y))
    weight[:70_000] = 0
    found = evaluate(y, prediction, weight)
    assert found.r2 == pytest.approx(metrics.r2_score(y, prediction, sample_weight=weight), rel=1e-12)
    rmse = metrics.root_mean_squared_error(y, prediction, sample_weight=weight)
    assert found.rmse == pytest.approx(rmse, rel=1e-12)


def test_score_takes_weights() -> None:
    """As scikit-learn's regressors do."""
    X, y, weight = example(5)
    expected = LinearRegression().fit(X, y, weight).score(X, y, weight)
    assert MultivariateRegressor().fit(X, y, weight).score(X, y, weight) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        ([1.0, 2.0], "sample_weight.shape"),
        ([[1.0], [1.0], [1.0]], "1D array or scalar"),
        ([1.0, -1.0, 1.0], "Negative"),
        ([0.0, 0.0, 0.0], "at least one non-zero"),
        ([1.0, np.nan, 1.0], "Input sample_weight contains NaN"),
        ([1.0, np.inf, 1.0], "Input sample_weight contains infinity"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weight: list[float], words: str) -> None:
    X, y = [[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match=words):
        MultivariateRegressor().fit(X, y, weight)
    with pytest.raises(ValueError, match=words):
        MultivariateRegressor().fit(X, y).score(X, y, weight)


def test_a_model_says_whether_it_takes_weights() -> None:
    """By the signature of its fit."""
    kinds: list[type[Regressor]] = [MultivariateRegressor, PolynomialRegressor, Mean]
    assert [kind.takes_weights() for kind in kinds] == [True, True, False]


@pytest.mark.parametrize("outputs", [0, 1, 2])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("kind", [MultivariateRegressor, PolynomialRegressor])
def test_coefficients_in_the_shapes_of_scikit_learn(
    kind: type[LinearRegressor], outputs: int, *, intercept: bool
) -> None:
    """`coef_` and `intercept_` are those of LinearRegression, in value and in shape."""
    X, y, _ = example(6, outputs=outputs)
    model = kind(fit_intercept=intercept).set_params(**({"degree": 1} if kind is PolynomialRegressor else {}))
    reference = LinearRegression(fit_intercept=intercept).fit(X, y)
    model.fit(X, y)
    assert model.coef_.shape == reference.coef_.shape
    np.testing.assert_allclose(model.coef_, reference.coef_, rtol=1e-10, atol=1e-13)
    assert np.shape(model.intercept_) == np.shape(reference.intercept_)
    np.testing.assert_allclose(model.intercept_, reference.intercept_, rtol=1e-10, atol=1e-13)


def test_inputs_are_selected_by_their_coefficients() -> None:
    """RFE and SelectFromModel find the inputs that count."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(80, 5))
    y = 3 * X[:, 1] - 2 * X[:, 4] + 0.01 * rng.normal(size=80)
    expected = [False, True, False, False, True]
    assert RFE(MultivariateRegressor(), n_features_to_select=2).fit(X, y).support_.tolist() == expected
    assert SelectFromModel(MultivariateRegressor(), threshold=1.0).fit(X, y).get_support().tolist() == expected


def test_terms_of_higher_degree_are_no_coefficients_of_inputs() -> None:
    """Where an input has several terms there is no `coef_`; before a fit there is none either."""
    X, y, _ = example(8)
    assert not hasattr(PolynomialRegressor(degree=2).fit(X, y), "coef_")
    assert not hasattr(MultivariateRegressor(), "intercept_")
