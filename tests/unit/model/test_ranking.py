"""Metrics of rankings, against scikit-learn and by hand."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from app.model.ranking import group_starts, ranking_directions, ranking_metrics

GROUPS, ROWS = 60, 7


def rankings(seed: int = 0) -> tuple[Any, Any, Any]:
    """Groups with several gains each, and scores without ties."""
    random = np.random.default_rng(seed)
    gain = random.integers(0, 4, (GROUPS, ROWS)).astype(float)
    gain[:, 0] += 1
    return np.repeat(random.permutation(GROUPS), ROWS), gain, random.permutation(GROUPS * ROWS).reshape(GROUPS, ROWS)


def test_ndcg_is_that_of_scikit_learn() -> None:
    group, gain, score = rankings()
    weight = np.repeat(np.random.default_rng(1).uniform(0, 3, GROUPS), ROWS)
    found = ranking_metrics(group, gain.ravel(), score.ravel(), weight)["ndcg"]
    assert found == pytest.approx(ndcg_score(gain, score, sample_weight=weight[::ROWS]), rel=1e-12)


def test_mrr_of_one_relevant_row_is_the_average_precision_of_scikit_learn() -> None:
    group, _, score = rankings()
    gain = np.tile(np.eye(ROWS)[2], (GROUPS, 1))
    found = ranking_metrics(group, gain.ravel(), score.ravel())["mrr"]
    assert found == pytest.approx(label_ranking_average_precision_score(gain, score), rel=1e-12)


def test_hits_count_the_first_places() -> None:
    group, gain = np.repeat([5, 2, 9], 4), np.array([0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0])
    score = np.tile([4, 3, 2, 1], 3)
    found = ranking_metrics(group, gain, score, hits_at=(1, 2, 4))
    assert found["hit_at_1"] == pytest.approx(1 / 3) and found["hit_at_2"] == pytest.approx(2 / 3)
    assert found["hit_at_4"] == 1 and found["mrr"] == pytest.approx((1 / 2 + 1 / 4 + 1) / 3)
    assert list(ranking_directions((1, 2, 4))) == list(found)


def test_of_equal_scores_those_without_gain_come_first() -> None:
    found = ranking_metrics([0, 0, 0], [1, 0, 0], [2, 2, 2])
    assert (found["hit_at_1"], found["mrr"]) == (0, pytest.approx(1 / 3))


def test_groups_without_a_gain_do_not_count() -> None:
    found = ranking_metrics([0, 0, 1, 1], [0, 1, 0, 0], [1, 2, 1, 2])
    assert set(found.values()) == {1.0}
    assert set(ranking_metrics([0, 0], [0, 0], [1, 2]).values()) == {None}


def test_what_is_no_ranking_is_refused() -> None:
    with pytest.raises(ValueError, match="stand together"):
        group_starts([1, 2, 1])
    with pytest.raises(ValueError, match="negative"):
        ranking_metrics([0, 0], [-1, 1], [1, 2])
