"""Logistic regression against scikit-learn's, at its minimum, and where there is hardly one."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from app.errors import Invalid
from app.model import newton, softmax
from app.model.logistic import LogisticClassifier
from app.model.own_estimators import OwnEstimator
from app.model.predictor import FEW_ROWS
from app.model.progress import reporting
from app.model.sklearn_compat import NotFittedError
from app.service.design_size import DesignLimit

Array = NDArray[np.float64]
SETS = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer}


def standardised(name: str) -> tuple[Array, NDArray[Any]]:
    X, y = SETS[name](return_X_y=True)
    return StandardScaler().fit_transform(X), y


def theirs(X: Array, y: NDArray[Any], weight: Array | None = None, **params: Any) -> LogisticRegression:
    """Return scikit-learn's fit, as near to the minimum as it comes."""
    model = LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=10_000, **params)
    return model.fit(X, y, sample_weight=weight)


def assert_same_minimum(model: LogisticClassifier, other: LogisticRegression, error: float = 1e-6) -> None:
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=0, atol=error)
    np.testing.assert_allclose(model.intercept_, other.intercept_, rtol=0, atol=error)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("C", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("name", SETS)
def test_the_minimum_is_that_of_scikit_learn(name: str, C: float, fit_intercept: bool) -> None:  # noqa: FBT001
    """Coefficients agree to 1e-6 on standardised data, for two classes and for more, weak and strong penalties."""
    X, y = standardised(name)
    model = LogisticClassifier(C, fit_intercept=fit_intercept).fit(X, y)
    other = theirs(X, y, C=C, fit_intercept=fit_intercept)
    assert_same_minimum(model, other)
    np.testing.assert_array_equal(model.predict(X), other.predict(X))
    np.testing.assert_allclose(model.predict_proba(X), other.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(model.decision_function(X), other.decision_function(X), atol=1e-5)
    assert model.score(X, y) == other.score(X, y)


@pytest.mark.parametrize("name", SETS)
def test_inputs_are_penalised_as_they_are(name: str) -> None:
    """Inputs of very different sizes, far from zero: scaling within the fit does not show in its minimum."""
    X, y = SETS[name](return_X_y=True)
    assert_same_minimum(LogisticClassifier().fit(X, y), theirs(X, y))


def test_too_many_coefficients_for_their_second_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps by conjugate gradients end in the same minimum as those by a factor."""
    for name in SETS:
        X, y = standardised(name)
        with monkeypatch.context() as patch:
            patch.setattr(newton, "DENSE", 1)
            assert_same_minimum(LogisticClassifier().fit(X, y), theirs(X, y))


@pytest.mark.parametrize("kept", [softmax.KEPT_VALUES, 0])
def test_many_classes(monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    """Of many classes too the minimum is where the gradient is zero, whether probabilities are kept or not."""
    monkeypatch.setattr(softmax, "KEPT_VALUES", kept)
    random = np.random.default_rng(0)
    X = random.normal(size=(3000, 5))
    y = np.concatenate([np.arange(300), (X[300:] @ random.normal(size=(5, 300))).argmax(axis=1)])
    model = LogisticClassifier().fit(X, y)
    residual = model.predict_proba(X) - np.eye(300)[y]
    assert np.abs(residual.T @ X + model.coef_).max() < 1e-6
    assert np.abs(residual.sum(axis=0)).max() < 1e-6
    assert model.converged_


def test_fits_of_many_classes_are_refused_by_their_size() -> None:
    """What the steps of a fit hold counts: a dozen times the coefficients of all classes."""
    limit, estimator = DesignLimit(1024**3), OwnEstimator(LogisticClassifier)
    limit.check_fit(estimator, {}, 20, 10_000, 1000)
    limit.check_fit(estimator, {}, 10_000, 2000, 1000)
    with pytest.raises(Invalid, match="TRINITY_MAX_DESIGN"):
        limit.check_fit(estimator, {}, 20_000, 2000, 1000)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("scale", [1.0, 1e-3, 40.0])
def test_weights(name: str, scale: float) -> None:
    """Each row's loss is multiplied by its weight; a weight of zero leaves a row out."""
    X, y = standardised(name)
    weight = scale * np.random.default_rng(0).integers(0, 4, len(y)).astype(np.float64)
    model = LogisticClassifier().fit(X, y, weight)
    assert_same_minimum(model, theirs(X, y, weight))
    left = weight > 0
    assert_same_minimum(LogisticClassifier().fit(X[left], y[left], weight[left]), theirs(X, y, weight))


def test_one_weight_for_all() -> None:
    """A weight that all rows share counts against the penalty too."""
    X, y = standardised("iris")
    other = theirs(X, y, np.full(len(y), 7.0))
    assert_same_minimum(LogisticClassifier().fit(X, y, np.full(len(y), 7.0)), other)
    assert_same_minimum(LogisticClassifier().fit(X, y, 7.0), other)
    assert LogisticClassifier().fit(X, y, np.full(len(y), 1e307)).score(X, y) > 0.95


@pytest.mark.filterwarnings("ignore:Estimator .* does not inherit from:UserWarning")
def test_scikit_learn_accepts_it() -> None:
    """Every check that scikit-learn has for a classifier passes."""
    checks = check_estimator(LogisticClassifier(), on_skip=None, on_fail="raise")
    assert sum(check["status"] == "passed" for check in checks) > 50


@pytest.mark.parametrize("C", [1e-3, 1.0, 1e6, 1e12])
def test_separable_classes(C: float) -> None:
    """Classes that a line tells apart are fitted, with finite coefficients, and a warning says what limits these."""
    X = np.array([[-2.0, 1.0], [-1.0, 0.0], [1.0, 0.5], [3.0, 0.1]])
    model = LogisticClassifier(C).fit(X, ["no", "no", "yes", "yes"])
    assert model.predict(X).tolist() == ["no", "no", "yes", "yes"]
    assert np.isfinite(model.coefficients_).all()
    assert model.converged_
    (warning,) = model.warnings(["a", "b"])
    assert "only C limits its coefficients" in warning
    if C <= 1e6:
        assert_same_minimum(model, theirs(X, np.array([0, 0, 1, 1]), C=C), 1e-4)


def test_one_class_is_refused() -> None:
    """A y of one label, also of the rows that weigh anything, is refused in words that say what is needed."""
    with pytest.raises(ValueError, match="one class only, 'a': a classifier needs rows of at least two classes"):
        LogisticClassifier().fit(np.ones((3, 1)), ["a", "a", "a"])
    with pytest.raises(ValueError, match="All rows of the class 'b' weigh nothing: leave them out"):
        LogisticClassifier().fit(np.ones((3, 1)), ["a", "a", "b"], [1, 2, 0])


@pytest.mark.parametrize("labels", [["b", "a", "c"], [30, 10, -5], [True, False, True]])
def test_labels_come_back_in_their_own_type(labels: list[Any]) -> None:
    """Text, whole numbers and truth values are given back as they were, as lists, arrays and objects alike."""
    X = np.repeat(np.eye(3), 5, axis=0)
    y = [label for label in labels for _ in range(5)]
    for given in (y, np.array(y), np.array(y, dtype=object), pd.Series(y)):
        model = LogisticClassifier().fit(X, given)
        assert model.classes_.tolist() == sorted(set(labels))
        assert model.predict(X).tolist() == y
        assert model.predict_proba(X).shape == (15, len(set(labels)))


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (["a", 1, "b"], "y holds numbers and text: labels are all text"),
        ([True, 2, 1], "labels are all"),
        (["a", None, "b"], "y holds NoneType and text"),
        ([0.5, 1.0, 2.0], "Unknown label type: y holds numbers that are not whole"),
        ([0.0, float("nan"), 1.0], "y contains NaN"),
        ([0.0, float("inf"), 1.0], "y contains infinity"),
        ([[0, 1], [1, 0], [1, 1]], "one label for each row"),
        ([1j, 2j, 3j], "y holds complex128"),
        (["a", "b"], "inconsistent numbers of samples"),
        (None, "y to be passed"),
    ],
)
def test_what_are_no_labels(y: Any, words: str) -> None:
    """Mixed labels, missing ones, measurements and tables are refused with what is wrong."""
    given = np.array(y, dtype=object) if isinstance(y, list) and isinstance(y[0], str | bool) else y
    with pytest.raises(ValueError, match=words):
        LogisticClassifier().fit(np.arange(3.0).reshape(-1, 1), given)


def test_a_fit_that_stops_early_says_so() -> None:
    """Too few steps are a warning and no error."""
    X, y = standardised("breast cancer")
    model = LogisticClassifier(max_iter=2).fit(X, y)
    assert model.n_iter_ == 2
    assert any("still moving after 2 steps: raise max_iter" in text for text in model.warnings([]))
    assert LogisticClassifier().fit(X, y).warnings([]) == []


@pytest.mark.parametrize("name", SETS)
def test_a_row_alone_is_predicted_as_among_others(name: str) -> None:
    """To the last bit, labels and probabilities do not depend on the rows around a row."""
    X, y = standardised(name)
    model = LogisticClassifier().fit(X, y)
    together, labels = model.predict_proba(X), model.predict(X)
    for rows in (1, 2, FEW_ROWS, FEW_ROWS + 3):
        for start in range(0, len(X) - rows, 7):
            part = slice(start, start + rows)
            np.testing.assert_array_equal(model.predict_proba(X[part]), together[part])
            np.testing.assert_array_equal(model.predict(X[part]), labels[part])
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-15)


def test_what_is_learned_survives_json_and_arrays() -> None:
    """A model restored from what is stored predicts the same to the last bit."""
    X, y = standardised("iris")
    model = LogisticClassifier(C=10.0).fit(X, np.array(["a", "b", "c"])[y])
    learned = model.learned()
    plain = {key: value for key, value in learned.items() if not isinstance(value, np.ndarray)}
    again = LogisticClassifier.restore(
        json.loads(json.dumps(model.get_params())), {**learned, **json.loads(json.dumps(plain))}
    )
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.predict(X).tolist() == model.predict(X).tolist()


def test_coefficients_belong_to_terms() -> None:
    """There is a coefficient for each term, and for each class where there are more than two."""
    for name, shape in (("breast cancer", (31,)), ("iris", (5, 3))):
        X, y = standardised(name)
        model = LogisticClassifier().fit(X, y)
        names = [f"x{k}" for k in range(X.shape[1])]
        terms, coefficients = model.coefficients(names) or ([], np.empty(0))
        assert terms == ["1", *names]
        assert coefficients.shape == shape
        assert len(terms) == model.n_terms(X.shape[1])
        assert model.held_bytes() > coefficients.nbytes
    assert LogisticClassifier(fit_intercept=False).fit(X, y).terms(names) == names


def test_columns_that_say_nothing() -> None:
    """Constant and repeated columns are penalised to the least coefficients, and do no harm."""
    X, y = standardised("iris")
    wide = np.column_stack([X, X[:, 0], np.full(len(X), 3.0)])
    model = LogisticClassifier().fit(wide, y)
    assert_same_minimum(model, theirs(wide, y))
    np.testing.assert_allclose(model.coef_[:, 0], model.coef_[:, 4], atol=1e-9)
    np.testing.assert_allclose(model.coef_[:, 5], 0, atol=1e-9)


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1e30, 1e200])
def test_inputs_of_any_size(size: float) -> None:
    """Inputs so large or so small that their squares are beyond float64 are fitted without a word of overflow."""
    X, y = standardised("iris")
    model = LogisticClassifier().fit(X * size, y)
    assert np.isfinite(model.coefficients_).all()
    if size > 1:
        assert model.score(X * size, y) > 0.9


def test_wrong_parameters_are_refused() -> None:
    """Each parameter has a type and limits."""
    for params in ({"C": 0}, {"C": -1.0}, {"C": 1e13}, {"max_iter": 0}, {"tol": 0}, {"tol": 1}, {"fit_intercept": 1}):
        with pytest.raises(ValueError, match=next(iter(params))):
            LogisticClassifier(**params).fit([[1.0], [2.0]], [0, 1])  # type: ignore[arg-type]


def test_data_frames_keep_their_names() -> None:
    """The names of a data frame's columns are kept and checked."""
    X, y = standardised("iris")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = LogisticClassifier().fit(frame, y)
    assert model.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("dcba")])
    assert not hasattr(LogisticClassifier().fit(X, y), "feature_names_in_")


def test_predicting_before_a_fit_is_an_error() -> None:
    """A model that has learned nothing says so."""
    with pytest.raises(NotFittedError, match="not fitted yet"):
        LogisticClassifier().predict([[1.0]])


def test_progress_is_reported() -> None:
    """A fit reports its steps, and what receives them may end it."""
    seen: list[float] = []
    X, y = load_digits(return_X_y=True)
    with reporting(lambda fraction, _: seen.append(fraction)):
        LogisticClassifier().fit(X[:300], y[:300])
    assert seen == sorted(seen)
    assert 0 < seen[0] < 1
