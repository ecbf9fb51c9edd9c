"""Models that only the tests serve (TRINITY_MODELS): they fail, they wait, or one test alone fits them."""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from app.model.base import Array, Regressor
from app.model.polynomial import PolynomialRegressor


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
