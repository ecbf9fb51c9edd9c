"""The contract of a model: scikit-learn's conventions, and persistence without pickle.

A new model is one file: `name`, an `__init__` that only stores its parameters (its signature carries types, limits and
defaults), `fit` and `predict`. Everything else is inherited.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from inspect import signature
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.model.dataframes import Array
from app.model.evaluate import evaluate
from app.model.persistent import Persistent
from app.model.validation import check_weight
from app.schemas.tasks import Better, Task


class NotNumbers(TypeError):
    """A model predicted something other than numbers, or unknown labels."""


class Model(Persistent, ABC):
    """Base of every model. Attributes that `fit` learns end in `_`; `learned` returns them, `restore` sets them.

    Inherit from `Regressor` or `Classifier`. The service calls `fit` and `predict` with a float64 X (n, p), finite,
    C-contiguous.
    """

    task: ClassVar[Task]
    """The kind of its predictions."""
    batchable: ClassVar[bool | None] = None
    """Whether several requests may be predicted in one call: a row's prediction must be the same to the last bit
    with any other rows beside it. BLAS doesn't guarantee that. None: every fit tests it."""

    solution_copies: ClassVar[int] = 4
    """How many copies of all outputs' coefficients a fit holds at once, for the check of its size."""
    takes_missing: ClassVar[bool] = False
    """Whether X may hold NaN, for a missing value."""

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from X (n, p) and y. Raises ValueError for parameters or data it cannot use.

        `sample_weight` (n,) has the weight of each row. A model may leave this parameter out: requests with weights
        are then refused.
        """

    @abstractmethod
    def predict(self, X: ArrayLike) -> Any:
        """Predictions for X (m, p)."""

    @abstractmethod
    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float | Mapping[str, float | None]:
        """Return one number for how well the predictions for X agree with y."""

    @classmethod
    @cache
    def takes_weights(cls) -> bool:
        """Return whether `fit` has a parameter `sample_weight`."""
        return "sample_weight" in signature(cls.fit).parameters

    def set_indicators(self, groups: Sequence[int | None]) -> None:
        """Set which columns of X are indicators of a text or a truth value, 0 or 1, before `n_terms` and `fit`.

        `groups` has a number for each column of X: indicators of one column of the table share it and are adjacent,
        and at most one of them is 1 in a row. It is None for all other columns. A model may ignore this.
        """

    # Facts about a fit

    def diagnostics(self) -> dict[str, int | float]:
        """Return numbers about the solution, which are added to the metrics of a fit; infinity becomes null."""
        return {}

    def warnings(self, names: list[str]) -> list[str]:  # noqa: ARG002 - a model without warnings
        """Return warnings about the solution as sentences, given the names of the inputs; shown with a fit."""
        return []

    # Size and shape of the learned state

    def n_terms(self, n_inputs: int) -> int:
        """Return the number of columns of the design matrix for `n_inputs` inputs; exact, and nothing is allocated."""
        return n_inputs

    def design_bytes(self, rows: int, inputs: int) -> int:
        """Return the bytes of the design matrix, or of its square factor if larger; nothing is allocated."""
        terms = self.n_terms(inputs)
        return max(rows, terms) * terms * 8

    def terms(self, names: list[str]) -> list[str]:  # noqa: ARG002 - a model without terms
        """Name the terms of `coefficients_`, given the names of the inputs; [] for a model without terms."""
        return []

    def coefficients(self, names: list[str]) -> tuple[list[str], Array] | None:
        """Return terms and coefficients (terms,) or (terms, k), in units of the data; None without terms."""
        terms = self.terms(names)
        return (terms, self.coefficients_) if terms and hasattr(self, "coefficients_") else None


class Regressor(Model):
    """A model of numbers: y is (n,) or (n, k), float64."""

    task: ClassVar[Task] = "regression"
    metrics: ClassVar[Mapping[str, Better]] = {}
    """The metrics of models that are not evaluated by the distance of predictions to y: the names of the numbers that
    the model's `score` returns, the most important first, and which values are better. An undefined number is None."""

    @abstractmethod
    def predict(self, X: ArrayLike) -> Array:
        """Predictions for X (m, p): (m,) when y was 1-D, (m, k) when it was (n, k)."""

    def predict_checked(self, X: Array) -> Array:
        """Predict for an X known to be float64, finite and of the fitted width; override it to skip checks.

        Raises NotNumbers for text, None, objects and lists of unequal lengths, ValueError for NaN and infinity.
        """
        predicted = _numbers(self.predict(X))
        if not np.isfinite(predicted).all():
            raise ValueError("A prediction is not a finite number.")
        return predicted

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float | Mapping[str, float | None]:
        """Return R², the coefficient of determination, of the predictions for X: its uniform average over outputs."""
        predicted = self.predict(X)
        weight = check_weight(sample_weight, len(predicted))
        return evaluate(np.asarray(y, dtype=np.float64), predicted, weight).r2


class Classifier(Model):
    """A model of labels: y is (n,) of texts, whole numbers or truth values, all of one of these types.

    `fit` sets `classes_`, the different labels in order. A class with a method `predict_proba(X)`, which returns the
    probability of each label (m, classes), supports requests for probabilities.
    """

    task: ClassVar[Task] = "classification"

    classes_: NDArray[Any]

    @abstractmethod
    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Labels for X (m, p): (m,), each one of `classes_`."""

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy, the share of the rows of X whose label is predicted, each counted by its weight."""
        right = np.asarray(self.predict(X)) == np.asarray(y)
        return float(np.average(right, weights=check_weight(sample_weight, len(right))))


def _numbers(predicted: Any) -> Array:
    """Return predictions as float64. Raise NotNumbers: a ValueError would mean that the model refused the data."""
    try:
        array = np.asarray(predicted)
    except ValueError:
        raise NotNumbers("predict returned lists of unequal lengths, expected numbers") from None
    if array.dtype.kind == "O" and not any(each is None for each in array.flat):
        with suppress(TypeError, ValueError):
            array = array.astype(np.float64)
    if array.dtype.kind not in "biuf":
        what = f"an array of {array.dtype}" if isinstance(predicted, np.ndarray) else type(predicted).__name__
        raise NotNumbers(f"predict returned {what}, expected numbers")
    return array.astype(np.float64, copy=False)
