"""Evaluation against scikit-learn's metrics, and where those overflow."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn import metrics

from app.model.evaluate import evaluate

Array = NDArray[np.float64]
VALUES = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


def reference_r2(y: Array, prediction: Array) -> float:
    """scikit-learn's R²; its rule for a constant output also where its mean is not that constant but rounded."""
    each = [
        metrics.r2_score(true, found) if np.ptp(true) else float(np.array_equal(true, found))
        for true, found in zip(y.T, prediction.T, strict=True)
    ]
    return float(np.mean(each))


@given(
    st.tuples(st.integers(2, 30), st.integers(1, 3)).flatmap(
        lambda shape: arrays(np.float64, (2, *shape), elements=VALUES)
    )
)
@settings(max_examples=100, deadline=None)
def test_agrees_with_scikit_learn(pair: Array) -> None:
    """R², root mean square error and mean absolute error are scikit-learn's, averaged over outputs."""
    y, prediction = pair
    found = evaluate(y, prediction)
    assert found.r2 == pytest.approx(reference_r2(y, prediction), rel=1e-6, abs=1e-6)
    assert found.rmse == pytest.approx(metrics.root_mean_squared_error(y, prediction), rel=1e-9)
    assert found.mae == pytest.approx(metrics.mean_absolute_error(y, prediction), rel=1e-9)
    assert found.n == len(y)


def test_many_blocks_far_from_zero() -> None:
    """Blocks are merged without cancellation, however far the mean lies from zero and however y drifts."""
    rng = np.random.default_rng(0)
    y = 1e9 + np.linspace(0, 1, 300_000) + rng.normal(size=300_000)
    prediction = y + rng.normal(size=300_000)
    assert evaluate(y, prediction).r2 == pytest.approx(metrics.r2_score(y, prediction), abs=1e-9)


def test_constant_truth() -> None:
    """A constant y is met (1) or missed (0), scikit-learn's convention, also where its mean would be rounded."""
    constant = np.full(1_000, 0.1)
    assert evaluate(constant, constant).r2 == 1
    assert evaluate(constant, constant + 1e-9).r2 == 0


def test_one_row_has_no_r2() -> None:
    """R² of a single row is undefined."""
    found = evaluate(np.array([1.0]), np.array([3.0]))
    assert math.isnan(found.r2)
    assert (found.rmse, found.mae, found.n) == (2, 2, 1)


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e200, 1e307])
def test_squares_neither_overflow_nor_vanish(size: float) -> None:
    """Values whose squares float64 cannot hold are evaluated like any others."""
    found = evaluate(np.array([1.0, -1.0, 3.0]) * size, np.array([1.0, -1.0, 2.0]) * size)
    assert found.r2 == pytest.approx(0.875, rel=1e-3)
    assert found.rmse == pytest.approx(size / math.sqrt(3), rel=1e-3)
    assert found.mae == pytest.approx(size / 3, rel=1e-3)


def test_shapes_must_agree() -> None:
    """A prediction of another shape is refused rather than broadcast."""
    with pytest.raises(ValueError, match="one shape"):
        evaluate(np.ones(3), np.ones((3, 1)))
