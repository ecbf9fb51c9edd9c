"""Models that write down when they start to learn, and that do to their process whatever a fault asks for."""

import ctypes
import os
import resource
import time
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from app.model.base import Array, Regressor

AGAIN_S = 0.3
Poison = Literal["", "segfault", "memory", "hang"]


class Recorder(Regressor):
    """Learns the mean of y; each start is a line `tag time pid` in `effects`, on the disk before it goes on."""

    name = "recorder"

    def __init__(self, tag: str = "", effects: str = "", hold_s: float = 0.0, poison: Poison = "") -> None:
        self.tag = tag
        self.effects = effects
        self.hold_s = hold_s
        self.poison = poison

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Note the start, hold for a while (not again after a lost start), take the poison if there is any, learn."""
        hold_s = self.hold_s if not starts(Path(self.effects), self.tag) else min(self.hold_s, AGAIN_S)
        descriptor = os.open(self.effects, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{self.tag} {time.time()} {os.getpid()}\n".encode())
        os.fsync(descriptor)
        os.close(descriptor)
        end = time.monotonic() + hold_s
        while time.monotonic() < end:
            time.sleep(0.01)
        take(self.poison)
        self.mean_: Any = float(np.mean(y))
        return self

    def predict(self, X: ArrayLike) -> Array:
        """The mean, for every row."""
        return np.full(len(np.asarray(X)), self.mean_)


def take(poison: Poison) -> None:
    """End or block this process in the way that is asked for."""
    if poison == "segfault":
        ctypes.string_at(0)
    if poison == "memory":
        # what the kernel does when memory is out, after what the process sees when it is nearly out
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), 9)
    while poison == "hang":
        time.sleep(0.05)


def starts(effects: Path, tag: str) -> list[tuple[float, int]]:
    """When the fits of this tag began, and in which process."""
    lines = effects.read_text().splitlines() if effects.exists() else []
    fields = [line.split() for line in lines if line.endswith(tuple("0123456789"))]
    return [(float(at), int(pid)) for found, at, pid in fields if found == tag]
