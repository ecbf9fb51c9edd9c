"""A classifier of the service as an estimator with scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from app.client.dataframes import to_rows
from app.client.estimator import Estimator
from app.client.labels import from_answer, to_labels
from app.model.dataframes import Array
from app.schemas.requests import PROBABILITIES, Y
from app.schemas.tasks import Task


class ClassifierEstimator(Estimator):
    """A classifier over HTTP: like `Estimator`, with `classes_`, the labels in order.

    y is labels (n,): texts, whole numbers or truth values; `predict` returns them in the same type.
    `score` is the accuracy. `coef_` and `intercept_` have a row for each class; of two classes only for the second.
    """

    task: ClassVar[Task] = "classification"
    metric: ClassVar[str] = "accuracy"

    classes_: NDArray[Any]
    outputs_: list[str]
    n_iter_: int

    def predict(self, X: Any) -> NDArray[Any]:
        """Return labels (m,) for X (m, p); raise as `Estimator.predict` does."""
        given = self._matched(to_rows(X, self._unused(), drop=True))
        return self.client.predict_rows(given, self.model_name, self.version_).astype(self.classes_.dtype)

    @property
    def predict_proba(self) -> Callable[[Any], Array]:
        """The method that returns the probability of each of `classes_`, (m, classes), for X (m, p).

        It raises as `predict` does. AttributeError after a fit of a model without probabilities.
        """
        if PROBABILITIES not in getattr(self, "outputs_", (PROBABILITIES,)):
            raise AttributeError(f"the model {self.model_name!r} has no probabilities")
        return self._probabilities

    @property
    def coef_(self) -> Array:
        """The coefficients of the inputs, (1, p) for two classes, else (classes, p); AttributeError if it has none."""
        return np.atleast_2d(super().coef_)

    @property
    def intercept_(self) -> Array:
        """The constants, (1,) for two classes, else (classes,); AttributeError as for `coef_`."""
        return np.atleast_1d(super().intercept_)

    def _probabilities(self, X: Any) -> Array:
        given = self._matched(to_rows(X, self._unused(), drop=True))
        return self.client.predict_rows(given, self.model_name, self.version_, PROBABILITIES)

    @staticmethod
    def to_y(y: Any) -> NDArray[Any]:
        """Return labels (n,) in the form of a request; raise ValueError for anything else."""
        return to_labels(y)

    def _take_y(self, y: NDArray[Any]) -> None:
        self.classes_ = self.classes_.astype(y.dtype)

    def _set_fitted(self, result: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
        super()._set_fitted(result, manifest)
        self.classes_ = from_answer(manifest["classes"])
        self.outputs_ = manifest.get("outputs", [Y])
        if "iterations" in manifest["metrics"]:
            self.n_iter_ = manifest["metrics"]["iterations"]
