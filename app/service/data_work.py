"""What the service does with the data of requests, be it rows or files: one interface for both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from app.model.estimator import AnyEstimator
from app.schemas.requests import Work
from app.schemas.tasks import Stacks
from app.service.fitting import FitSpec
from app.service.versions import Fitted


class DataWork(Protocol):
    """Does the work of the verbs. Every method raises Invalid where a model takes other data than the work has."""

    def fit(self, estimator: AnyEstimator, spec: FitSpec) -> tuple[int, dict[str, Any]]:
        """Fit to the data of the work, and publish; return the version and the result.

        Raises Invalid, ModelFailed, Unavailable or Damaged, and what `spec.permit` raises.
        """

    def predict(self, fitted: Fitted, works: Sequence[Work]) -> list[dict[str, Any]]:
        """Return the result of each work; raise for all of them even if only one is at fault."""

    def score(self, fitted: Fitted, work: Work) -> dict[str, Any]:
        """Return how well a version does on the data of the work."""

    def max_batch_rows(self, fitted: Fitted, stacked: Collection[Stacks]) -> int:
        """Return the most rows, or files, that one call may have; 0 where calls are not shared.

        `stacked` are the kinds of versions whose rows may share a call.
        """
