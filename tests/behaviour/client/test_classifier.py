"""Classifiers over HTTP in every mode: scikit-learn's own checks, and labels as users have them."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from app import client as trinity
from app.client import ClassifierEstimator, Client
from tests.support.api import Api

IRIS = load_iris()
X = StandardScaler().fit_transform(IRIS.data)
NAMES = IRIS.target_names[IRIS.target]


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    with Client(str(api.http.base_url)) as client:
        yield client


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Estimator .* does not inherit from:UserWarning")
@pytest.mark.filterwarnings("ignore:.*(still moving after|separates the classes of all rows):UserWarning")
def test_scikit_learn_accepts_it(client: Client) -> None:
    """All of scikit-learn's checks of classifiers pass over HTTP."""
    checks = check_estimator(client.model("logistic"), on_skip=None, on_fail="raise")
    assert sum(check["status"] == "passed" for check in checks) > 45


def test_it_is_scikit_learns_logistic_regression(client: Client) -> None:
    """In what it learned, predicts and says of its own quality."""
    reference = LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000).fit(X, NAMES)
    model = client.model("logistic", C=0.5, tol=1e-9).fit(X, NAMES)
    assert isinstance(model, ClassifierEstimator)
    assert model.classes_.tolist() == reference.classes_.tolist() == list(IRIS.target_names)
    np.testing.assert_array_equal(model.predict(X), reference.predict(X))
    np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-5)
    np.testing.assert_allclose(model.intercept_ - model.intercept_.mean(), reference.intercept_, atol=1e-5)
    assert model.score(X, NAMES) == pytest.approx(reference.score(X, NAMES), rel=1e-12)
    again = client.fitted("logistic", model.version_)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.classes_.tolist() == model.classes_.tolist()
    copied = pickle.loads(pickle.dumps(model))  # noqa: S301  our own bytes
    np.testing.assert_array_equal(copied.predict_proba(X), model.predict_proba(X))


@pytest.mark.filterwarnings("ignore:.*separates the classes of all rows:UserWarning")
@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (["b", "a"], ["a", "b"]),
        (np.array(["b", "a"]), ["a", "b"]),
        (np.array(["b", "a"], dtype=object), ["a", "b"]),
        (np.array([3, 1]), [1, 3]),
        (np.array([3.0, 1.0]), [1.0, 3.0]),
        (np.array([True, False]), [False, True]),
        ([True, False], [False, True]),
        (pd.Series(["b", "a"], dtype="category"), ["a", "b"]),
        (pd.Series(["b", "a"], dtype="string"), ["a", "b"]),
        (pd.Series([3, 1], dtype="Int64"), [1, 3]),
        (pl.Series(["b", "a"]), ["a", "b"]),
        (pl.Series(["b", "a"], dtype=pl.Categorical), ["a", "b"]),
        (["1", "0"], ["0", "1"]),
    ],
    ids=repr,
)
def test_labels_in_any_form(client: Client, y: Any, labels: list[Any]) -> None:
    """They come back in the type in which they came: true is not 1, and "1" stays text."""
    many = (
        [list(y)[i % 2] for i in range(20)]
        if isinstance(y, list)
        else type(y)(list(y) * 10, dtype=y.dtype)
        if (isinstance(y, pd.Series | pl.Series))
        else np.tile(y, 10)
    )
    rows = [[float(i % 2)] for i in range(20)]
    model = client.model("logistic").fit(rows, many)
    assert model.classes_.tolist() == labels
    found = model.predict([[0.0], [1.0]])
    assert found.tolist() == list(y) == [labels[1], labels[0]]
    assert [type(label) for label in found.tolist()] == [type(labels[1])] * 2
    assert model.score(rows, many) == 1
    for result in (
        client.fit(rows, many, "logistic"),
        client.submit("fit", {"X": rows, "y": many}, "logistic").result(),
    ):
        assert result["classes"] == labels
    assert client.score(rows, many, "logistic")["accuracy"] == 1
    assert client.predict(rows[:2], "logistic").tolist() == list(y)
    assert client.predict_proba(rows, "logistic").shape == (20, 2)


@pytest.mark.parametrize(
    ("y", "words"),
    [(["a", 1] * 5, "text"), (["a", None] * 5, "labels are"), ([0.5, 1.0] * 5, "not whole"), ([[1, 2]] * 10, "shape")],
)
def test_what_is_no_label_is_refused_before_it_is_sent(client: Client, y: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        client.model("logistic").fit([[float(i)] for i in range(10)], y)


def test_a_model_without_probabilities_has_no_method_for_them(client: Client) -> None:
    """So that scikit-learn's tools see that."""
    model = client.model("majority").fit(X, NAMES)
    assert not hasattr(model, "predict_proba")
    with pytest.raises(trinity.Invalid, match="has no probabilities"):
        client.predict_proba(X, "majority")


def test_many_rows_are_several_requests(client: Client) -> None:
    model = client.model("logistic").fit(X, NAMES)
    many = np.tile(X, (400, 1))
    np.testing.assert_array_equal(model.predict(many), np.tile(model.predict(X), 400))
    np.testing.assert_allclose(model.predict_proba(many), np.tile(model.predict_proba(X), (400, 1)), rtol=1e-12)
