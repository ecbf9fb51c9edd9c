"""The ranker by itself: it finds the utilities that choices were made by, and not the positions."""

from typing import Any

import numpy as np
import pytest

from examples.place_recommender.model import PlaceRanker, ranking_metrics
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


def test_the_gradient_is_zero_at_its_maximum_of_the_likelihood() -> None:
    """Checked by differences of a likelihood that is written down slate by slate."""
    X, y = slates(300)

    def loss(weights: Any, position: float, none: float) -> float:
        total = 0.0
        for slate in range(300):
            rows = X[:, 0] == slate
            utility = X[rows, 2:] @ weights + position * np.log1p(X[rows, 1])
            chosen = utility[y[rows] == 1].sum() if y[rows].any() else none
            total += float(np.log(np.exp(utility).sum() + np.exp(none)) - chosen)
        return total

    ranker = PlaceRanker(penalty=0.0).fit(X, y)
    best = loss(ranker.weights_, ranker.position_, ranker.none_)
    for i in range(5):
        for step in (-0.02, 0.02):
            assert loss(ranker.weights_ + step * np.eye(5)[i], ranker.position_, ranker.none_) > best
    for step in (-0.02, 0.02):
        assert loss(ranker.weights_, ranker.position_ + step, ranker.none_) > best
        assert loss(ranker.weights_, ranker.position_, ranker.none_ + step) > best


def test_weights_count_slates() -> None:
    """A slate of weight 2 counts as two; one of weight 0 is left out."""
    X, y = slates(200)
    weight = np.repeat(np.arange(200) % 3, 8).astype(float)
    copies = [np.flatnonzero(X[:, 0] == slate) for slate in range(200) for _ in range(slate % 3)]
    doubled = X[np.concatenate(copies)].copy()
    doubled[:, 0] = np.repeat(np.arange(len(copies)), 8)
    first = PlaceRanker().fit(X, y, sample_weight=weight)
    second = PlaceRanker().fit(doubled, y[np.concatenate(copies)])
    # the scale of the penalty is that of the rows
    assert first.weights_ == pytest.approx(second.weights_, abs=0.02)


def test_metrics_of_a_ranking() -> None:
    """The chosen places come 1st, 2nd and, tied with all others, last of 3; a slate without a choice does not count."""
    X = np.column_stack([np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4)])
    y = np.array([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])
    utility = np.array([3, 2, 1, 3, 2, 1, 0, 0, 0, 9, 9, 9])
    found = ranking_metrics(X, y, utility)
    assert found["hit_at_1"] == pytest.approx(1 / 3) and found["hit_at_3"] == 1
    assert found["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert found["ndcg"] == pytest.approx((1 + 1 / np.log2(3) + 1 / 2) / 3)
    weighted = ranking_metrics(X, y, utility, np.repeat([3.0, 1.0, 0.0, 1.0], 3))
    assert weighted["hit_at_1"] == pytest.approx(3 / 4)
    assert set(ranking_metrics(X, 0 * y, utility).values()) == {None}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda X, y: (X, np.ones_like(y)), "at most one place"),
        (lambda X, y: (X, np.zeros_like(y)), "nothing to learn"),
        (lambda X, y: (np.vstack([X[8:], X[:8], X[8:16]]), np.append(y, y[:8])), "stand together"),
        (lambda X, y: (X[:, :2], y), "at least one feature"),
    ],
)
def test_what_it_refuses(change: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PlaceRanker().fit(*change(*slates(20)))
