"""A model of files whose calls have processes of their own, for TRINITY_MODELS."""

import os
import signal
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from app.model.files import FileModel, InputFile, OutputFile
from app.model.isolation.isolated_calls import CallLimits
from app.model.progress import report

MIB = 1024**2
LOADED: list[str] = []


def load() -> None:
    LOADED.append("loaded")


class Careless(FileModel):
    """Does what the words of a document say."""

    name = "careless"
    takes = "document"
    media_types = ("text/plain",)
    isolated = CallLimits(memory_bytes=256 * MIB, time_s=2.0)
    preload = ("numpy", "tests.support.isolated_models:load", "there_is_no_such_module")

    def __init__(self, times: int = 1) -> None:
        self.times = times

    def fit(self, folder: Path | None) -> Self:
        if folder is None:
            raise ValueError("a fit needs documents")
        warnings.warn("few documents", stacklevel=2)
        self.names_ = sorted(path.name for path in folder.iterdir())
        self.sizes_ = np.array([(folder / name).stat().st_size for name in self.names_])
        return self

    def predict(self, files: Sequence[InputFile], *, copies: int = 1) -> Any:
        words = [file.path.read_text() for file in files]
        if "nothing" in words:
            return None
        return [self._done(each, copies) for each in words]

    def score(self, folder: Path) -> dict[str, float | None]:
        self._done(next(folder.iterdir()).read_text(), 0)
        return {"files": float(self.sizes_.sum()), "none": None}

    def _done(self, word: str, copies: int) -> dict[str, Any]:
        report(0.5, "half")
        if word == "refuse":
            raise ValueError("the document is " + "very " * 500 + "bad")
        if word == "raise":
            raise KeyError("a secret in a message")
        if word == "fill":
            bytearray(512 * MIB)
        if word == "numbers":
            return {
                "found": np.array([0.5, np.nan], dtype=np.float32),
                "count": np.int64(2),
                "all": [{"a": np.ones(1)}],
            }
        if word == "odd":
            return {"found": [1, {"a": object()}]}
        if word == "sleep":
            time.sleep(60)
        if word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        files = {
            f"file{i}": OutputFile(f"{i}.bin", "application/octet-stream", bytes(range(256))) for i in range(copies)
        }
        return {"before": word, **files, "pid": os.getpid(), "times": self.times, "loaded": LOADED}


class Patient(Careless):
    """Takes its time."""

    name = "patient"
    isolated = CallLimits(memory_bytes=256 * MIB, time_s=60.0)
