"""Models that fit and predict, and do harm where they are restored (TRINITY_MODELS)."""

import os
import signal
import time
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from app.model.base import Array, Regressor


class Harmless(Regressor):
    """The mean of y; the others do something else beside it once they are restored."""

    name = "harmless"

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn the mean of y."""
        self.mean_ = float(np.mean(np.asarray(y)))
        return self

    def predict(self, X: ArrayLike) -> Array:
        """The mean, for every row."""
        return np.full(len(np.asarray(X)), self.mean_)


class Leaving(Harmless):
    """It ends its process."""

    name = "leaving"

    def prepare(self) -> None:
        """End without a word."""
        os._exit(3)


class Crashing(Harmless):
    """It breaks its process."""

    name = "crashing"

    def prepare(self) -> None:
        """Do as a native library that reads where nothing is."""
        os.kill(os.getpid(), signal.SIGSEGV)


class Hanging(Harmless):
    """It never comes back."""

    name = "hanging"

    def prepare(self) -> None:
        """Sleep."""
        time.sleep(3600)


class Huge(Harmless):
    """It takes more memory than there may be."""

    name = "huge"
    kept: Any

    def prepare(self) -> None:
        """Fill 4 GiB."""
        self.kept = np.ones(2**29)


class Large(Harmless):
    """It takes 32 MiB that are in no file."""

    name = "large"

    def prepare(self) -> None:
        """Fill them."""
        self.kept_now = np.ones(2**22)


class Slow(Harmless):
    """It loads when the file SLOW_UNTIL is there, and adds its process to the file SLOW_NOTES."""

    name = "slow"

    def prepare(self) -> None:
        """Wait for one file, and add a line to the other."""
        while (go_on := os.environ.get("SLOW_UNTIL")) and not Path(go_on).exists():
            time.sleep(0.01)
        if notes := os.environ.get("SLOW_NOTES"):
            with Path(notes).open("a", encoding="utf-8") as file:
                file.write(f"{os.getpid()}\n")
