"""A regressor: change what `fit` learns and how `predict` uses it."""

from typing import Annotated, ClassVar, Self

import numpy as np
from msgspec import Meta
from numpy.typing import ArrayLike

from app.model.base import Regressor
from app.model.dataframes import Array

Penalty = Annotated[float, Meta(ge=0, description="How much large coefficients cost.")]


class ExampleRegressor(Regressor):
    """A linear regression with a penalty on large coefficients."""

    name: ClassVar[str] = "example"

    def __init__(self, penalty: Penalty = 1.0) -> None:
        self.penalty = penalty

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from X (n, p) and y (n,) or (n, k); attributes ending in _ are stored. A ValueError refuses data."""
        X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.centre_, self.constant_ = np.average(X, 0, weight), np.average(y, 0, weight)
        rows = X - self.centre_
        weighted = (rows * weight[:, np.newaxis]).T
        gram = weighted @ rows + self.penalty * np.eye(X.shape[1])
        self.weights_ = np.linalg.lstsq(gram, weighted @ (y - self.constant_))[0]
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return predictions for X (m, p), in the shape of y: (m,) or (m, k)."""
        predicted: Array = (np.asarray(X, dtype=np.float64) - self.centre_) @ self.weights_ + self.constant_
        return predicted
