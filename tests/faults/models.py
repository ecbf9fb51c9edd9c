"""Models that write down when they start to learn, and that do to their process whatever a fault asks for."""

import ctypes
import hashlib
import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from app.model.base import Array, Regressor
from app.model.files import FileModel, InputFile, OutputFile

AGAIN_S = 0.3
SCORED = 4711.0
"""A value of X that only the rows of a gate have: who predicts for it notes that, as the start of a fit."""
Poison = Literal["", "segfault", "memory", "hang"]


class Recorder(Regressor):
    """Learns the mean of y; each start is a line `tag time pid` in `effects`, on the disk before it goes on."""

    name = "recorder"

    def __init__(
        self, tag: str = "", effects: str = "", hold_s: float = 0.0, poison: Poison = "", score_hold_s: float = 0.0
    ) -> None:
        self.tag = tag
        self.effects = effects
        self.hold_s = hold_s
        self.poison = poison
        self.score_hold_s = score_hold_s

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Note the start, hold for a while (not again after a lost start), take the poison if there is any, learn."""
        self._start(self.tag, self.hold_s)
        take(self.poison)
        self.mean_: Any = float(np.mean(y))
        return self

    def predict(self, X: ArrayLike) -> Array:
        """The mean, for every row; note the start and hold for a while where a gate's rows are scored."""
        if np.asarray(X)[0, 0] == SCORED:
            self._start(f"{self.tag}-scored", self.score_hold_s)
        return np.full(len(np.asarray(X)), self.mean_)

    def _start(self, word: str, hold_s: float) -> None:
        note_start(Path(self.effects), word, hold_s)


class FileRecorder(FileModel):
    """Says which content a file has, and gives it back; each start is a line in `effects`, as of `Recorder`."""

    name = "file_recorder"
    takes = "document"
    media_types = ("text/plain",)

    def __init__(self, tag: str = "") -> None:
        self.tag = tag

    def fit(self, folder: Path | None) -> Self:
        """Learn nothing."""
        return self

    def predict(
        self, files: Sequence[InputFile], *, tag: str = "", effects: str = "", hold_s: float = 0.0
    ) -> list[dict[str, Any]]:
        """Note the start, hold for a while, and give the content back."""
        note_start(Path(effects), tag, hold_s)
        contents = [file.path.read_bytes() for file in files]
        return [
            {"sha256": hashlib.sha256(each).hexdigest(), "copy": OutputFile("copy.txt", "text/plain", each)}
            for each in contents
        ]

    def score(self, folder: Path) -> dict[str, float | None]:
        """Say nothing."""
        return {}


def note_start(effects: Path, word: str, hold_s: float) -> None:
    """Write down that work began, and hold for a while: not again after a lost start."""
    again = starts(effects, word)
    descriptor = os.open(effects, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{word} {time.time()} {os.getpid()}\n".encode())
    os.fsync(descriptor)
    os.close(descriptor)
    end = time.monotonic() + (min(hold_s, AGAIN_S) if again else hold_s)
    while time.monotonic() < end:
        time.sleep(0.01)


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
