"""A classifier: change what `fit` learns and how `predict_proba` uses it."""

from typing import Annotated, Any, ClassVar, Self

import numpy as np
from msgspec import Meta
from numpy.typing import ArrayLike, NDArray

from app.model.base import Classifier
from app.model.dataframes import Array

Sharpness = Annotated[float, Meta(gt=0, description="How fast the probability falls with the distance.")]


class ExampleClassifier(Classifier):
    """The class whose mean is nearest to a row."""

    name: ClassVar[str] = "example"

    def __init__(self, sharpness: Sharpness = 1.0) -> None:
        self.sharpness = sharpness

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from X (n, p) and labels y (n,); attributes ending in _ are stored. A ValueError refuses data."""
        X, y = np.asarray(X, dtype=np.float64), np.asarray(y)
        weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.classes_ = np.unique(y[weight > 0])
        if len(self.classes_) == 1:
            raise ValueError("y has one class only; a classifier needs at least two")
        rows = [y == label for label in self.classes_]
        self.means_ = np.array([np.average(X[own], 0, weight[own]) for own in rows])
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probability of each of `classes_` for X (m, p): (m, classes)."""
        rows = np.asarray(X, dtype=np.float64)
        distances = ((rows[:, np.newaxis] - self.means_) ** 2).sum(axis=2)
        odds = np.exp(self.sharpness * (distances.min(axis=1, keepdims=True) - distances))
        probabilities: Array = odds / odds.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label for each row of X (m, p)."""
        labels: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels
