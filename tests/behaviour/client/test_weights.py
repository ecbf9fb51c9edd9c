"""Weights of rows and coefficients in scikit-learn's shapes, by way of the client in every mode."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_diabetes
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score

from app import client as trinity
from app.client import Client
from tests.support.api import Api

RNG = np.random.default_rng(3)
X = RNG.normal(size=(40, 3))
Y = X @ [2.0, -1.0, 0.5] + RNG.normal(size=40)
WEIGHT = RNG.uniform(0.1, 3, size=40)
SKLEARN = LinearRegression().fit(X, Y, sample_weight=WEIGHT)
R2 = r2_score(Y, SKLEARN.predict(X), sample_weight=WEIGHT)


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    with Client(str(api.http.base_url)) as client:
        yield client


@pytest.mark.parametrize("form", [np.array, list, pd.Series, pl.Series])
def test_rows_are_weighted_at_fit_and_score(client: Client, form: Callable[[Any], Any]) -> None:
    """As scikit-learn weights them, with an estimator and without."""
    model = client.model("multivariate").fit(X, Y, sample_weight=form(WEIGHT))
    np.testing.assert_allclose(model.coef_, SKLEARN.coef_, rtol=1e-10)
    assert model.score(X, Y, form(WEIGHT)) == pytest.approx(R2, rel=1e-12)
    assert model.metrics_["r2"] == pytest.approx(R2, rel=1e-12)
    plain = client.fit(X, Y, "multivariate", form(WEIGHT))
    np.testing.assert_allclose(plain["coefficients"], model.coefficients_, rtol=1e-12)
    assert client.score(X, Y, "multivariate", plain["version"], form(WEIGHT))["r2"] == pytest.approx(R2, rel=1e-12)


def test_a_column_holds_the_weights(client: Client) -> None:
    """It is no input, and is passed over by a prediction."""
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(w=WEIGHT)
    model = client.model("multivariate").fit(frame, Y, weight="w")
    assert model.terms_ == ["1", "a", "b", "c"]
    np.testing.assert_allclose(model.coef_, SKLEARN.coef_, rtol=1e-10)
    np.testing.assert_allclose(model.predict(frame), SKLEARN.predict(X), rtol=1e-9)
    assert model.score(frame, Y, weight="w") == pytest.approx(R2, rel=1e-12)
    assert model.score(frame, Y) == pytest.approx(r2_score(Y, SKLEARN.predict(X)), rel=1e-12)
    again = client.fit(frame, Y, "multivariate", weight="w")
    assert client.score(frame, Y, "multivariate", again["version"], weight="w")["r2"] == pytest.approx(R2, rel=1e-12)
    job = client.submit("fit", {"X": frame, "y": Y}, "multivariate", weight="w")
    np.testing.assert_allclose(job.result()["coefficients"], again["coefficients"], rtol=1e-12)
    job = client.submit("fit", {"X": X, "y": Y, "sample_weight": WEIGHT}, "multivariate")
    np.testing.assert_allclose(job.result()["coefficients"], again["coefficients"], rtol=1e-9)


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        ([1.0], r"sample_weight.shape == \(1,\), expected \(40,\)"),
        ([-1.0] * 40, "Negative values"),
        ([1.0] * 39 + [np.nan], r"Input sample_weight contains NaN: row 39 \(1 of 40 values\)"),
        (np.ones((40, 2)), "must be 1D array or scalar"),
    ],
)
def test_weights_that_cannot_be_are_refused(client: Client, weight: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        client.model("multivariate").fit(X, Y, sample_weight=weight)


def test_a_model_that_takes_no_weights_says_so(client: Client) -> None:
    with pytest.raises(trinity.Invalid, match="takes no weights"):
        client.model("raising").fit(np.zeros((2, 1)), [0.0, 0.0], sample_weight=[1.0, 2.0])


@pytest.mark.parametrize("outputs", [None, 1, 2])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_coefficients_have_the_shapes_of_scikit_learn(
    client: Client, outputs: int | None, *, fit_intercept: bool
) -> None:
    """For y (n,), (n, 1) and (n, k), with a constant term and without."""
    y = Y if outputs is None else np.column_stack([Y, -2 * Y])[:, :outputs]
    model = client.model("multivariate", fit_intercept=fit_intercept).fit(X, y)
    theirs = LinearRegression(fit_intercept=fit_intercept).fit(X, y)
    assert np.shape(model.coef_) == np.shape(theirs.coef_)
    np.testing.assert_allclose(model.coef_, theirs.coef_, rtol=1e-10)
    np.testing.assert_allclose(model.intercept_, theirs.intercept_, rtol=1e-9, atol=1e-12)
    assert isinstance(model.intercept_, float) == (outputs is None)


def test_only_a_model_of_one_term_for_each_input_has_them(client: Client) -> None:
    """A polynomial of degree one has; those of texts and higher degrees have not, and say why."""
    assert client.model("polynomial", degree=1).fit(X, Y).coef_.shape == (3,)
    truths = client.model("multivariate").fit({"a": X[:, 0], "b": X[:, 1] > 0}, Y)
    np.testing.assert_allclose(truths.predict({"a": [2.0], "b": [True]}), truths.intercept_ + [2.0, 1.0] @ truths.coef_)
    for model, data in (
        (client.model("polynomial", degree=2), X),
        (client.model("multivariate"), {"a": X[:, 0], "b": ["x", "y", "z", "x"] * 10}),
    ):
        assert not hasattr(model, "coef_")
        with pytest.raises(AttributeError, match="need a model of one term for each input"):
            model.fit(data, Y).coef_  # noqa: B018


def test_scikit_learn_selects_features_by_them(client: Client) -> None:
    """RFE and SelectFromModel choose as they do with scikit-learn's own model."""
    frame, y = load_diabetes(return_X_y=True, as_frame=True)
    model, theirs = client.model("multivariate"), LinearRegression()
    chosen = RFE(model, n_features_to_select=3).fit(frame, y).support_
    np.testing.assert_array_equal(chosen, RFE(theirs, n_features_to_select=3).fit(frame, y).support_)
    for threshold in (None, "median"):
        found = SelectFromModel(model, threshold=threshold).fit(frame, y).get_support()
        np.testing.assert_array_equal(found, SelectFromModel(theirs, threshold=threshold).fit(frame, y).get_support())
    scores = cross_val_score(model, X, Y, params={"sample_weight": WEIGHT}, cv=3)
    np.testing.assert_allclose(scores, cross_val_score(theirs, X, Y, params={"sample_weight": WEIGHT}, cv=3), rtol=1e-9)
