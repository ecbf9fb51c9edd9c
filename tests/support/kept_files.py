"""File models that lose, or do not lose, between fit and restore what they need, for TRINITY_MODELS."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from app.model.files import FileModel, InputFile, OutputFile


class Counting(FileModel):
    """Counts the files that it was fitted to, says how often it predicted, and writes the time into a file."""

    name = "counting"
    takes = "document"
    media_types = ("text/plain",)
    _calls = 0

    def fit(self, folder: Path | None) -> Self:
        self.files_ = 0 if folder is None else sum(path.is_file() for path in folder.rglob("*"))
        return self

    def predict(self, files: Sequence[InputFile]) -> list[dict[str, Any]]:
        self._calls += 1
        stamp = OutputFile("stamp.txt", "text/plain", str(time.time_ns()).encode())
        return [{"files": self._known(), "calls": self._calls, "stamp": stamp} for _ in files]

    def score(self, folder: Path) -> dict[str, float | None]:
        return {}

    def _known(self) -> Any:
        return {"count": [self.files_, self.files_ / 7]}


class Forgetting(Counting):
    """Predicts by what is not stored."""

    name = "forgetting"
    _fitted = False

    def fit(self, folder: Path | None) -> Self:
        self._fitted = True
        return super().fit(folder)

    def _known(self) -> Any:
        return {"count": [self.files_ if self._fitted else 0, 0.5]}


class Raising(Forgetting):
    """Raises where it lacks what is not stored."""

    name = "raising"

    def _known(self) -> Any:
        return None if self._fitted else {}["fitted"]


class Ending(Counting):
    """Ends the process in which it is restored."""

    name = "ending"

    def prepare(self) -> None:
        os._exit(9)


class Particular(Forgetting):
    """Takes no file that a fit has."""

    name = "particular"

    def predict(self, files: Sequence[InputFile]) -> list[dict[str, Any]]:
        raise ValueError("not one of mine")
