"""Metrics against scikit-learn's over seeded random cases: weights of zero, labels never seen, ties, and one class."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from app.model.evaluate import evaluate
from tests.unit.model.test_classification import assert_as_scikit_learn

CASES = 200


def weights(random: np.random.Generator, n: int) -> Any:
    """Return no weights, weights of which some are zero, or whole ones."""
    match random.integers(3):
        case 0:
            return None
        case 1:
            weight = random.uniform(0, 3, n) * (random.random(n) < 0.7)
        case _:
            weight = random.integers(0, 3, n).astype(np.float64)
    weight[random.integers(n)] = 1.0
    return weight


def test_classes() -> None:
    """Predicted classes may be perfect, tied or anything; the truth may be of one class, or of none of the fit's."""
    for seed in range(CASES):
        random = np.random.default_rng(seed)
        n, k = int(random.integers(1, 40)), int(random.integers(2, 6))
        truth = random.integers(0, k + int(random.random() < 0.2), n)
        if random.random() < 0.1:
            truth[:] = truth[0]
        scores = random.dirichlet(np.ones(k), n)
        if random.random() < 0.5:
            scores = np.round(scores * 4) + 1e-3
            scores /= scores.sum(axis=1, keepdims=True)
        predicted = scores.argmax(axis=1)
        if random.random() < 0.2:
            predicted = np.where(truth < k, truth, 0)
        assert_as_scikit_learn(truth, predicted, scores, k, weights(random, n))


def test_numbers() -> None:
    """R² of several outputs, constant ones and perfect predictions among them; NaN where there is one row."""
    for seed in range(CASES):
        random = np.random.default_rng(seed)
        n, k = int(random.integers(1, 40)), int(random.integers(1, 4))
        truth = random.normal(size=(n, k)) * 10.0 ** random.integers(-3, 4)
        if random.random() < 0.3:
            truth[:, 0] = 0.0  # of other constants scikit-learn's weighted mean is rounded, and its variance not zero
        guess = truth.copy() if random.random() < 0.2 else truth + random.normal(size=(n, k)) * random.choice([0.1, 3])
        weight = weights(random, n)
        if weight is not None and np.count_nonzero(weight) == 1:  # that mean again
            weight = None
        found = evaluate(truth, guess, weight)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            r2 = metrics.r2_score(truth, guess, sample_weight=weight)
        expected = (
            r2 if n > 1 else math.nan,
            metrics.root_mean_squared_error(truth, guess, sample_weight=weight),
            metrics.mean_absolute_error(truth, guess, sample_weight=weight),
        )
        assert found[:3] == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True), seed
        assert found.n == n
