"""A model with the data for its checks: rows, or files."""

from __future__ import annotations

from typing import Any, Protocol

from app.model.estimator import AnyEstimator, FittedModel
from app.service.restoring import Checked, Restore


class ModelCase(Protocol):
    """The part that checks of both kinds of models use."""

    @property
    def estimator(self) -> AnyEstimator:
        """The estimator."""

    @property
    def restore(self) -> Restore:
        """Restores the model for the check of that."""

    def fit(self) -> FittedModel:
        """Return a model that is fitted to the data; raise Invalid, or anything else."""

    def fitted(self) -> FittedModel:
        """Do as `fit`; the model is ready for `predict`."""

    def predict(self, model: FittedModel) -> Any:
        """Return the model's predictions for a copy of the data."""

    def checked(self, model: FittedModel) -> Checked:
        """Return the part of the data that is predicted before and after a restore."""
