"""The metrics of a classifier against scikit-learn's, on random rows and where they are not defined."""

import math
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from app.model.classification import BLOCK_ROWS, evaluate_classes

Array = NDArray[np.float64]


def theirs(metric: Any, *arguments: Any, **named: Any) -> float:
    """Return scikit-learn's number, NaN where it refuses to say one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(metric(*arguments, **named))
        except ValueError:
            return math.nan


def assert_as_scikit_learn(
    truth: NDArray[Any], predicted: NDArray[Any], probabilities: Array, k: int, weight: Array | None
) -> None:
    found = evaluate_classes(truth, predicted, probabilities, k, weight)
    classes, named = list(range(k)), {"sample_weight": weight}
    multi = {"multi_class": "ovr", "labels": classes} if k > 2 else {}
    scores = probabilities[:, 1] if k == 2 else probabilities
    expected = {
        "accuracy": theirs(metrics.accuracy_score, truth, predicted, **named),
        "balanced_accuracy": theirs(metrics.balanced_accuracy_score, truth, predicted, **named),
        "f1_macro": theirs(metrics.f1_score, truth, predicted, average="macro", **named),
        "log_loss": theirs(metrics.log_loss, truth, probabilities, labels=classes, **named),
        "roc_auc": theirs(metrics.roc_auc_score, truth, scores, **named, **multi),
    }
    if not set(truth.tolist()) <= set(classes):  # scikit-learn may take one that was never seen for the second of two
        expected |= {"log_loss": math.nan, "roc_auc": math.nan}
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True), name
    if set(truth.tolist()) & set(classes):
        matrix = metrics.confusion_matrix(truth, predicted, labels=classes, **named)
        np.testing.assert_allclose(found.confusion, matrix, rtol=1e-12)
        assert found.confusion.dtype.kind == ("i" if weight is None else "f")
    assert found.n == len(truth)


def softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@st.composite
def rows(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any], Array, int, Array | None]:
    """Draw rows of two to five classes, with ties, certainties, classes that do not occur, and labels never seen."""
    n, k = draw(st.integers(1, 40)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = rng.integers(0, draw(st.integers(1, k)), n)
    predicted = rng.integers(0, draw(st.integers(1, k)), n)
    scores = rng.integers(-2, 3, (n, k)) * draw(st.sampled_from([0.0, 0.3, 50.0, 800.0])) + (
        rng.normal(size=(n, k)) * draw(st.sampled_from([0.0, 1.0]))
    )
    if draw(st.booleans()):  # labels never seen
        never_seen = rng.random(n) < 0.2
        truth[never_seen] = rng.choice([-1, k, k + 1], int(never_seen.sum()))
    weight = draw(st.sampled_from([None, rng.random(n) + 0.01, rng.integers(0, 3, n) * 1.5]))
    if weight is not None and not weight.any():
        weight = None
    return truth, predicted, softmax(scores), k, weight


@given(rows())
@settings(max_examples=200, deadline=None)
def test_agrees_with_scikit_learn(drawn: tuple[NDArray[Any], NDArray[Any], Array, int, Array | None]) -> None:
    """Every number is scikit-learn's to 1e-12, and NaN exactly where scikit-learn has none."""
    assert_as_scikit_learn(*drawn)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 4])
def test_many_blocks(k: int, *, weighted: bool) -> None:
    """Rows of several blocks, most of them of one class, are evaluated as one."""
    rng = np.random.default_rng(3)
    n = 3 * BLOCK_ROWS + 17
    truth = np.minimum(rng.integers(0, 3 * k, n), k - 1)
    probabilities = softmax(np.eye(k)[truth] + rng.normal(size=(n, k)).round(1))
    weight = rng.random(n) if weighted else None
    assert_as_scikit_learn(truth, probabilities.argmax(axis=1), probabilities, k, weight)


def test_codes_may_be_floats() -> None:
    """Codes as the service keeps them, in float64, are the same codes."""
    found = evaluate_classes(np.array([0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0]), None, 2)
    assert found.accuracy == 2 / 3
    np.testing.assert_array_equal(found.confusion, [[1, 0], [1, 1]])


def test_without_probabilities() -> None:
    """What needs probabilities is not defined without them; all else is."""
    found = evaluate_classes(np.array([0, 1, 1]), np.array([0, 1, 1]), None, 2)
    assert (found.accuracy, found.balanced_accuracy, found.f1_macro) == (1, 1, 1)
    assert math.isnan(found.log_loss)
    assert math.isnan(found.roc_auc)


def test_labels_never_seen_are_errors() -> None:
    """A label that the fit never saw counts as an error, and what is made of probabilities is not defined."""
    found = evaluate_classes(np.array([0, 1, -1, 2]), np.array([0, 1, 1, 1]), np.full((4, 2), 0.5), 2)
    assert found.accuracy == 0.5
    assert found.balanced_accuracy == 0.5
    assert math.isnan(found.log_loss)
    assert math.isnan(found.roc_auc)
    np.testing.assert_array_equal(found.confusion, [[1, 0], [0, 1]])


def test_probabilities_that_are_no_numbers() -> None:
    """A probability that is NaN leaves log loss and area undefined, and does not end the evaluation."""
    found = evaluate_classes(np.array([0, 1]), np.array([0, 1]), np.array([[1, 0], [math.nan, 1]]), 2)
    assert found.accuracy == 1
    assert math.isnan(found.log_loss)
    assert math.isnan(found.roc_auc)


@pytest.mark.parametrize("size", [1e-310, 1e306])
def test_weights_of_any_size(size: float) -> None:
    """The unit of the weights does not matter, even where their sum is beyond float64."""
    truth, predicted = np.arange(60) % 2, np.arange(60) % 3 // 2
    probabilities = np.full((60, 2), 0.5)
    one = evaluate_classes(truth, predicted, probabilities, 2, np.arange(1.0, 61))
    other = evaluate_classes(truth, predicted, probabilities, 2, np.arange(1.0, 61) * size)
    assert other[:5] == pytest.approx(one[:5], rel=1e-9)


def test_what_does_not_fit_together_is_refused() -> None:
    """Other lengths, no rows, and predictions outside the classes are refused with the reason."""
    ones = np.ones(2, dtype=np.int64)
    for arguments, words in (
        ((ones[:0], ones[:0], None, 2), "not empty"),
        ((ones, ones[:1], None, 2), "one shape"),
        ((ones, ones, np.ones((2, 3)), 2), "probabilities must be"),
        ((ones, ones, None, 2, np.ones(3)), "weights must be"),
        ((ones, ones, None, 1), "outside 0 … 0"),
    ):
        with pytest.raises(ValueError, match=words):
            evaluate_classes(*arguments)


def test_memory_is_bounded() -> None:
    """A million rows are evaluated with less memory than half of their probabilities take."""
    rng = np.random.default_rng(0)
    n, k = 1_000_000, 8
    probabilities = rng.random((n, k))
    truth = rng.integers(0, k, n)
    tracemalloc.start()
    try:
        evaluate_classes(truth, truth, probabilities, k)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < probabilities.nbytes / 2
