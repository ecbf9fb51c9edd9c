"""Accuracy, judged by certified data and by fits in rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg
from sklearn.linear_model import LinearRegression

from app.model.linear import LinearRegressor
from app.model.models import MultivariateRegressor, PolynomialRegressor
from tests.unit.model.reference import NAMES, certified, digits, exact, exact_polynomial

MODELS: dict[str, type[LinearRegressor]] = {model.name: model for model in (MultivariateRegressor, PolynomialRegressor)}
DIGITS = {"longley": 13.8, "norris": 13.5, "pontius": 13, "filip": 13.5}

WAMPLER_NOISE = np.array([759, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 1838, -2048, 2048.0])
WAMPLER_NOISE = np.concatenate((WAMPLER_NOISE, WAMPLER_NOISE[-2::-1]))


@pytest.mark.parametrize("name", NAMES)
def test_coefficients_agree_with_nist(name: str) -> None:
    """The coefficients of every data set have the certified digits that double precision can hold."""
    data = certified(name)
    model = MODELS[data.model](**data.params).fit(data.X, data.y)
    found = model.coefficients(data.inputs)
    assert found is not None
    assert found[0] == data.terms
    assert digits(found[1], data.coefficients) >= DIGITS[name]
    assert model.score(data.X, data.y) == pytest.approx(data.r2, abs=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_closer_to_nist(name: str) -> None:
    """None of numpy, scipy and scikit-learn has 0.3 digits more."""
    data = certified(name)
    model = MODELS[data.model](**data.params).fit(data.X, data.y)
    powers = [data.X**k for k in range(1, data.params.get("degree", 1) + 1)]
    design = np.hstack([np.ones((len(data.y), 1)), *powers])
    others = [
        np.linalg.lstsq(design, data.y, rcond=0)[0],
        *(scipy.linalg.lstsq(design, data.y, cond=1e-300, lapack_driver=driver)[0] for driver in ("gelsy", "gelsd")),
    ]
    linear = LinearRegression().fit(design[:, 1:], data.y)
    others.append(np.array([linear.intercept_, *linear.coef_]))
    best = max(digits(coefficients, data.coefficients) for coefficients in others)
    assert digits(model.coefficients_, data.coefficients) >= best - 0.3


@pytest.mark.parametrize("name", NAMES)
def test_coefficients_are_those_of_rational_arithmetic(name: str) -> None:
    """Given the data as float64 holds them, what is lost against an exact solution is the last bit or two."""
    data = certified(name)
    rows = [[Fraction(value) for value in row] for row in data.X.tolist()]
    degree = data.params.get("degree", 1)
    design = [[Fraction(1)] + (row if degree == 1 else [row[0] ** k for k in range(1, degree + 1)]) for row in rows]
    truth = exact(design, [Fraction(value) for value in data.y.tolist()])
    model = MODELS[data.model](**data.params).fit(data.X, data.y)
    assert digits(model.coefficients_, truth) >= 14.5


@pytest.mark.parametrize(("noise", "least"), [(0, 12), (1, 12), (100, 12), (10_000, 11.5)])
def test_wamplers_polynomials(noise: int, least: float) -> None:
    """Wampler 1, 3, 4 and 5: degree 5 on 0…20 with ever larger residuals, all coefficients 1.

    The kernels of OpenBLAS differ: those for AVX2 give 12.9 digits of Wampler 5, those for AVX-512 11.8.
    """
    x = np.arange(21.0)
    model = PolynomialRegressor(degree=5).fit(x[:, None], sum(x**k for k in range(6)) + noise * WAMPLER_NOISE)
    assert digits(model.coefficients_, [1.0] * 6) >= least


def test_wamplers_second_polynomial() -> None:
    """Wampler 2: coefficients that fall by ten with each power."""
    x = np.arange(21.0)
    y = np.round(sum((0.1 * x) ** k for k in range(6)), 5)
    assert digits(PolynomialRegressor(degree=5).fit(x[:, None], y).coefficients_, [10.0**-k for k in range(6)]) >= 12


@pytest.mark.parametrize("seed", range(3))
def test_degree_nine_far_from_zero(seed: int) -> None:
    """Degree 9 on [1, 100], where unscaled powers lose every digit, keeps thirteen of them."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 100, 120)
    y = sum((x / 50) ** k for k in range(10)) + rng.normal(size=120)
    assert digits(PolynomialRegressor(degree=9).fit(x[:, None], y).coefficients_, exact_polynomial(x, y, 9)) >= 13


def test_high_degree_stays_stable() -> None:
    """Degree 50 has more powers than double precision distinguishes; the fitted curve is right all the same."""
    x = np.linspace(0, 1, 300)
    model = PolynomialRegressor(degree=50).fit(x[:, None], np.sin(20 * x))
    assert np.abs(model.predict(x[:, None]) - np.sin(20 * x)).max() < 1e-9
