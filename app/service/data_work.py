"""One interface for work on the data of requests, both rows and files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from app.model.estimator import AnyEstimator
from app.schemas.requests import Work
from app.schemas.tasks import Stacks
from app.service.fitting import FitSpec
from app.service.versions import Fitted


class DataWork(Protocol):
    """Runs the work of the verbs. Every method raises Invalid if the model takes other data than the work has."""

    def fit(self, estimator: AnyEstimator, spec: FitSpec) -> tuple[int, dict[str, Any]]:
        """Fit to the data of the work, and publish; return the version and the result.

        Raises Invalid, ModelFailed, Unavailable or Damaged, and the errors of `spec.permit`.
        """

    def predict(self, fitted: Fitted, works: Sequence[Work]) -> list[dict[str, Any]]:
        """Return the result of each work; raise for all of them even if only one is at fault."""

    def score(self, fitted: Fitted, work: Work) -> dict[str, Any]:
        """Return the score of a version on the data of the work."""

    def max_batch_rows(self, fitted: Fitted, stacked: Collection[Stacks]) -> int:
        """Return the maximum number of rows or files of one call; 0 if calls are not shared.

        `stacked` are the kinds of versions whose rows may share a call.
        """
