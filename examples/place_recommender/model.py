"""The ranker: a conditional logit over the places of a slate, corrected for their positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from msgspec import Meta
from scipy.optimize import minimize

from app.model import ranking
from app.model.base import Regressor

CONTEXT = ("slate", "position")  # the first columns of X; features follow


class PlaceRanker(Regressor):
    """Ranks places by what users chose of those that they were shown.

    Of a slate, place i at position k is chosen with probability exp(u_i + b·log(1+k)) / (exp(c) + Σ exp(…)), and
    none of them with exp(c) / (…), where u = X·w: McFadden's conditional logit (1974; Train, Discrete Choice Methods
    with Simulation, ch. 3) with an outside option. The term in k is the examination of positions (Craswell, Zoeter,
    Taylor & Ramsey 2008): fitted beside w, it takes up what was chosen for standing on top; predictions leave it out.
    X has the columns slate, position, then features; y is 1 where a place was chosen.
    """

    name: ClassVar[str] = "places"
    metrics: ClassVar[Mapping[str, Any]] = ranking.ranking_directions()
    batchable: ClassVar[bool | None] = False

    def __init__(self, penalty: Annotated[float, Meta(ge=0, le=1e6)] = 1.0) -> None:
        self.penalty = penalty

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Find the maximum of the likelihood by L-BFGS (it is concave); weights are those of slates."""
        slates, design = ranking.group_starts(np.asarray(X)[:, 0]), _design(X)
        scale = design.std(axis=0)
        scale[scale == 0] = 1
        weight = np.ones(len(slates)) if sample_weight is None else np.asarray(sample_weight)[slates]
        loss = _Loss(design / scale, np.asarray(y, dtype=np.float64), slates, weight, self.penalty)
        found = minimize(loss, np.zeros(design.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500})
        weights = found.x[:-1] / scale
        self.position_, self.weights_, self.none_ = float(weights[0]), weights[1:], float(found.x[-1])
        self.slates_ = len(slates)
        return self

    def predict(self, X: Any) -> Any:
        """Return the utility of each place, whatever its position; the higher, the better."""
        features = np.asarray(X, dtype=np.float64)[:, len(CONTEXT) :]
        if features.shape[1] != len(self.weights_):
            raise ValueError(f"X has {features.shape[1]} features, expected {len(self.weights_)}")
        return (features * self.weights_).sum(axis=1)  # not BLAS, whose last bit depends on the other rows

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float | None]:
        """Return hit@1, hit@3, MRR and NDCG over the slates of which a place was chosen, each by its weight."""
        return ranking_metrics(X, y, self.predict(X), sample_weight)

    def diagnostics(self) -> dict[str, int | float]:
        """Return how many slates there were, and how much a position costs."""
        return {"slates": self.slates_, "position_effect": self.position_, "none_utility": self.none_}

    def terms(self, names: list[str]) -> list[str]:
        """Name the features."""
        return names[len(CONTEXT) :]

    @property
    def coefficients_(self) -> Any:
        """The weights of the features."""
        return self.weights_


class _Loss:
    """The penalised negative log-likelihood of slates, with its gradient."""

    def __init__(self, design: Any, y: Any, starts: Any, weight: Any, penalty: float) -> None:
        self._design, self._starts, self._weight, self._penalty = design, starts, weight, penalty
        self._sizes = np.diff(np.append(starts, len(design)))
        self._y = y
        self._chosen = np.add.reduceat(y, starts)
        if (self._chosen > 1).any() or not np.isin(y, (0, 1)).all():
            raise ValueError("y must be 1 for at most one place of each slate, 0 for the others")
        if not self._chosen.any():
            raise ValueError("of no slate a place was chosen: there is nothing to learn from")

    def __call__(self, coefficients: Any) -> tuple[float, Any]:
        weights, none = coefficients[:-1], coefficients[-1]
        utility = self._design @ weights
        top = np.maximum(np.maximum.reduceat(utility, self._starts), none)
        shares = np.exp(utility - np.repeat(top, self._sizes))
        outside = np.exp(none - top)
        total = np.add.reduceat(shares, self._starts) + outside
        missed = (self._y - shares / np.repeat(total, self._sizes)) * np.repeat(self._weight, self._sizes)
        chosen = np.add.reduceat(self._y * utility, self._starts) + (1 - self._chosen) * none
        value = (self._weight * (top + np.log(total) - chosen)).sum() + self._penalty / 2 * (weights @ weights)
        gradient = np.append(
            self._penalty * weights - self._design.T @ missed,
            -(self._weight * (1 - self._chosen - outside / total)).sum(),
        )
        return float(value), gradient


def ranking_metrics(X: Any, y: Any, utility: Any, sample_weight: Any = None) -> dict[str, float | None]:
    """Return hit@k, MRR and NDCG of a ranking by `utility`, over the slates of X of which a place was chosen."""
    return ranking.ranking_metrics(np.asarray(X)[:, 0], y, utility, sample_weight)


def _design(X: Any) -> Any:
    """Return log(1 + position) and the features, which must be more than none."""
    X = np.asarray(X, dtype=np.float64)
    if X.shape[1] <= len(CONTEXT) or (X[:, 1] < 0).any():
        raise ValueError("X must have the columns slate, position (from 0), and at least one feature")
    return np.column_stack([np.log1p(X[:, 1]), X[:, len(CONTEXT) :]])
