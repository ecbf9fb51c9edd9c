"""The ranker by itself: it finds the utilities that choices were made by, and not the positions."""

from typing import Any

import numpy as np
import pytest

from examples.place_recommender.model import PlaceRanker
from examples.place_recommender.simulate import TRUE_NONE, TRUE_POSITION, TRUE_WEIGHTS, choose

TRUE = np.array([*TRUE_WEIGHTS.values()])


def slates(number: int, seed: int = 0, size: int = 8) -> tuple[Any, Any]:
    """X and y of slates sorted by the first feature, which so stands for the position too."""
    random = np.random.default_rng(seed)
    rows, y = [], np.zeros((number, size))
    for slate in range(number):
        known = random.normal(0, 1, (size, 5))
        known[:, 4] = known[:, 4] > 0
        known = known[known[:, 0].argsort()]
        best = choose(random, known)
        if best is not None:
            y[slate, best] = 1
        rows.append(np.column_stack([np.full(size, slate), np.arange(size), known]))
    return np.vstack(rows), y.ravel()


def test_it_finds_the_utilities_and_the_effect_of_positions() -> None:
    X, y = slates(6_000)
    ranker = PlaceRanker().fit(X, y)
    assert ranker.weights_ == pytest.approx(TRUE, abs=0.2)
    assert (ranker.position_, ranker.none_) == (
        pytest.approx(TRUE_POSITION, abs=0.2),
        pytest.approx(TRUE_NONE, abs=0.3),
    )


def test_metrics_of_a_ranking() -> None:
    """The chosen places come 1st, 2nd and, tied with all others, last of 3; a slate without a choice does not count."""
    y = np.array([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])
    utility = np.array([3, 2, 1, 3, 2, 1, 0, 0, 0, 9, 9, 9])
    X = np.column_stack([np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4), utility])
    ranker = PlaceRanker.restore({}, {"weights_": np.ones(1), "n_features_in_": 3})
    found = ranker.score(X, y)
    assert found["hit_at_1"] == pytest.approx(1 / 3) and found["hit_at_3"] == 1
    assert found["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert found["ndcg"] == pytest.approx((1 + 1 / np.log2(3) + 1 / 2) / 3)
    weighted = ranker.score(X, y, np.repeat([3.0, 1.0, 0.0, 1.0], 3))
    assert weighted["hit_at_1"] == pytest.approx(3 / 4)
    assert set(ranker.score(X, 0 * y).values()) == {None}
