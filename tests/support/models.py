"""Models that only the tests serve (TRINITY_MODELS): they fail, they wait, or one test alone fits them."""

import ctypes
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.model.base import Array, Classifier, Regressor
from app.model.polynomial import PolynomialRegressor
from app.model.progress import report


class Reserved(PolynomialRegressor):
    """A model that one test alone fits, so that its versions can be counted."""

    name = "reserved"


class Listed(PolynomialRegressor):
    """A model that one test alone fits, so that its jobs can be found among others."""

    name = "listed"


class NeverFitted(PolynomialRegressor):
    """A model that no test fits."""

    name = "never-fitted"


class Raising(Regressor):
    """A model with a bug: it learns anything and raises on every prediction, on 13 rows even while it learns."""

    name = "raising"

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn nothing; KeyError for 13 rows."""
        if len(np.asarray(X)) == 13:
            raise KeyError("a bug in fit")
        self.fitted_ = len(np.asarray(y))
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Zeros for zeros, which lets a fit be evaluated; ZeroDivisionError for anything else."""
        if np.any(np.asarray(X)):
            raise ZeroDivisionError("a bug in predict")
        return np.zeros(len(np.asarray(X)))


class Picky(Raising):
    """A model that refuses its data in words."""

    name = "picky"

    def predict(self, X: ArrayLike) -> Array:
        """ValueError, a regressor's way of refusing data."""
        if np.any(np.asarray(X)):
            raise ValueError("only zeros please")
        return np.zeros(len(np.asarray(X)))


class Unkept(Regressor):
    """A model whose state is not kept with a version, as it has no trailing underscore."""

    name = "unkept"

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn the mean of y."""
        self._mean = float(np.mean(np.asarray(y)))
        return self

    def predict(self, X: ArrayLike) -> Array:
        """The mean, for every row."""
        return np.full(len(np.asarray(X)), self._mean)


class Filling(Regressor):
    """A model that predicts its only input, and the mean of y where that is missing."""

    name = "filling"
    takes_missing = True

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn the mean of y."""
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X: ArrayLike) -> Array:
        """The first input of each row, or the mean."""
        first = np.asarray(X, dtype=np.float64)[:, 0]
        return np.where(np.isnan(first), self.mean_, first)


class Gated(Regressor):
    """A model whose fit waits at a named pipe until the test closes its end."""

    name = "gated"

    def __init__(self, gate: str = "") -> None:
        self.gate = gate

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Wait at the gate, then learn the mean of y."""
        report(0.4, "at the gate")
        Path(self.gate).read_bytes()
        self.mean_: Any = float(np.mean(y))
        return self

    def predict(self, X: ArrayLike) -> Array:
        """The mean, for every row."""
        return np.full(len(np.asarray(X)), self.mean_)


class Entranced(Gated):
    """A gated model whose fit waits in C code that lets no other thread of Python run."""

    name = "entranced"

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Wait at the gate with Python's lock held, then learn the mean of y."""
        libc, heard = ctypes.PyDLL(None), ctypes.create_string_buffer(1)
        gate = libc.open(os.fsencode(self.gate), os.O_RDONLY)
        libc.read(gate, heard, 1)
        os.close(gate)
        self.mean_ = float(np.mean(y))
        return self


class Hooked(Regressor):
    """A model with a bug in one of the hooks that say how large it is."""

    name = "hooked"

    def __init__(self, bug: str = "") -> None:
        self.bug = bug

    def _hook(self, name: str) -> None:
        if self.bug == name:
            raise KeyError("a bug in a hook")

    def set_indicators(self, groups: Sequence[int | None]) -> None:
        """Take nothing."""
        self._hook("set_indicators")

    def n_terms(self, n_inputs: int) -> int:
        """One for each input."""
        self._hook("n_terms")
        return n_inputs

    def design_bytes(self, rows: int, inputs: int) -> int:
        """None."""
        self._hook("design_bytes")
        return 0

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn the mean of y."""
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X: ArrayLike) -> Array:
        """The mean, for every row."""
        return np.full(len(np.asarray(X)), self.mean_)


class NaiveBayes(Classifier):
    """Gaussian naive Bayes, as scikit-learn's GaussianNB."""

    name = "bayes"

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn mean and variance of each input by class, and how frequent each class is."""
        rows, weight = np.asarray(X), np.ones(len(np.asarray(X))) if sample_weight is None else sample_weight
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        every = [(rows[codes == code], np.asarray(weight)[codes == code]) for code in range(len(self.classes_))]
        self.means_ = np.array([np.average(part, axis=0, weights=share) for part, share in every])
        self.variances_ = np.array(
            [
                np.average((part - mean) ** 2, axis=0, weights=share)
                for (part, share), mean in zip(every, self.means_, strict=True)
            ]
        )
        self.variances_ += 1e-9 * rows.var(axis=0).max()
        sums = np.array([share.sum() for _, share in every])
        self.priors_ = sums / sums.sum()
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row."""
        return self.classes_[self._likelihoods(X).argmax(axis=1)]

    def predict_proba(self, X: ArrayLike) -> Array:
        """The probability of each class."""
        found = self._likelihoods(X)
        odds = np.exp(found - found.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def _likelihoods(self, X: ArrayLike) -> Array:
        distances = (np.asarray(X)[:, np.newaxis, :] - self.means_) ** 2 / self.variances_
        return np.log(self.priors_) - 0.5 * (np.log(2 * np.pi * self.variances_) + distances).sum(axis=2)


class Tolerant(Filling):
    """A model that predicts `factor` times its only input, and is judged by the share of rows that it nearly meets."""

    name = "tolerant"
    metrics = {"met": "higher", "worst": "lower", "odd": "higher"}  # noqa: RUF012  as users write it

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def predict(self, X: ArrayLike) -> Array:
        """The input times the factor."""
        return self.factor * super().predict(X)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """The share of rows within 1 of y, the greatest error, and an undefined number; no dict for 13 rows."""
        errors = np.abs(self.predict(X) - np.asarray(y))
        if len(errors) == 13:
            return 0.5
        met = float(np.average(errors <= 1, weights=sample_weight))
        return {"met": met, "worst": errors.max(), "odd": None}


class Majority(Classifier):
    """A classifier without probabilities: it predicts the most frequent label."""

    name = "majority"

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Count."""
        self.classes_, counts = np.unique(np.asarray(y), return_counts=True)
        self.most_ = int(counts.argmax())
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The same label for every row."""
        return np.full(len(np.asarray(X)), self.classes_[self.most_])


class Warner(Regressor):
    """A model that warns as code of Python does: once for each row of a fit, and at predictions."""

    name = "warner"

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn the mean; a warning that quotes y, and one of numpy's."""
        values = np.asarray(y, dtype=np.float64)
        self.mean_ = float(values.mean())
        for _ in values:
            warnings.warn(f"the mean {self.mean_}\nis all that is learned", stacklevel=1)
        np.log(np.zeros(1))
        return self

    def predict(self, X: ArrayLike) -> Array:
        """The mean, and a warning that quotes it."""
        warnings.warn(f"a prediction is {self.mean_}", stacklevel=1)
        return np.full(len(np.asarray(X)), self.mean_)
