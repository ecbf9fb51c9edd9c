"""The ranker: what users choose of the slates that they are shown, learned by a conditional logit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from app.model.conditional_logit import ConditionalLogit
from app.model.ranking import ranking_directions, ranking_metrics


class PlaceRanker(ConditionalLogit):
    """Ranks places: the choice sets are slates, the alternatives their places."""

    name: ClassVar[str] = "places"
    metrics: ClassVar[Mapping[str, Any]] = ranking_directions()

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float | None]:
        """Return hit@1, hit@3, MRR and NDCG over the slates of which a place was chosen, each by its weight."""
        return ranking_metrics(np.asarray(X)[:, 0], y, self.predict(X), sample_weight)

    def diagnostics(self) -> dict[str, int | float]:
        """Return how many slates there were, and what positions and choosing nothing are worth."""
        found = super().diagnostics()
        return {"slates": found.pop("choice_sets"), **found}
