"""Metrics of rankings: the rows of a group, such as the items shown to one user, are ordered by a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

HITS_AT = (1, 3)


def ranking_directions(hits_at: Sequence[int] = HITS_AT) -> Mapping[str, Any]:
    """Return the names of the metrics for the `metrics` of a model; higher is better for all of them."""
    return dict.fromkeys((*(f"hit_at_{k}" for k in hits_at), "mrr", "ndcg"), "higher")


def group_starts(group: Any) -> Any:
    """Return the first row of each group; ValueError unless the rows of each group are adjacent."""
    group = np.asarray(group)
    starts = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    if len(np.unique(group[starts])) < len(starts):
        raise ValueError("the rows of a group must stand together")
    return starts


def ranking_metrics(
    group: Any, gain: Any, score: Any, weight: Any = None, hits_at: Sequence[int] = HITS_AT
) -> dict[str, float | None]:
    """Return hit@k, MRR and NDCG, each an average over the groups of which some row has a gain above 0.

    `group`, `gain` (0 or more) and `score` have a value for each row (n,). hit@k is the share of groups with such a row
    among the first k, MRR the mean of 1 / the rank of the first; NDCG is Σ gain / log2(1 + rank) over that of the best
    order (Järvelin & Kekäläinen 2002). Rows with equal scores are ordered by gain, lowest first, so that a constant
    score is a bad ranking. A group has the weight of its first row. Each metric is None if no group has a gain.
    """
    starts, gain, score = group_starts(group), np.asarray(gain, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if gain.min() < 0:
        raise ValueError("a gain must not be negative")
    number = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(gain))))
    counted = np.maximum.reduceat(gain, starts) > 0
    if not counted.any():
        return dict.fromkeys(ranking_directions(hits_at))
    order = np.lexsort((gain, -score, number))
    rank = np.arange(len(gain)) - starts[number] + 1
    first = np.minimum.reduceat(np.where(gain[order] > 0, rank, np.inf), starts)[counted]
    discount = 1 / np.log2(1 + rank)
    reached = np.add.reduceat(gain[order] * discount, starts)[counted]
    ideal = np.add.reduceat(gain[np.lexsort((-gain, number))] * discount, starts)[counted]
    each = np.stack([*(first <= k for k in hits_at), 1 / first, reached / ideal])
    weights = None if weight is None else np.asarray(weight, dtype=np.float64)[starts][counted]
    averages = np.average(each, axis=1, weights=weights).tolist()
    return dict(zip(ranking_directions(hits_at), averages, strict=True))
