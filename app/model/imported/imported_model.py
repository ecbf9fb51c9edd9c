"""What models from files have in common, whatever library runs them: a matrix in, numbers or codes of labels out."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from app.errors import Invalid
from app.model.base import NotNumbers
from app.model.dataframes import Array, default_names
from app.model.estimator import FittedModel, Size, Stored
from app.schemas.columns import Column, Kind
from app.schemas.tasks import Format, Label, Stacks, Task


class Input(NamedTuple):
    """A column that a file asks for."""

    name: str
    kind: Kind | None = None
    """None where the file does not say it."""


class Hints(NamedTuple):
    """What a request says about a file that the file itself does not say."""

    classes: list[Label] | None = None
    """The labels in the order of the codes that the model predicts."""
    task: Task | None = None


class ImportedModel(ABC):
    """A fitted model that a library runs from the bytes of its file."""

    format: ClassVar[Format]
    task: Task
    classes: list[Label] | None = None
    has_probabilities = False
    inputs: list[Input]
    """The columns that the file asks for, in order."""
    named_inputs = False
    """Whether the file names its columns."""
    outputs = 1
    vector = True
    """Whether a prediction of a row is a number, and not a list."""
    stacks: Stacks = "no"

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._measured_bytes = len(content)
        self._texts: Mapping[int, Sequence[str]] = {}

    @abstractmethod
    def _run(self, X: Array) -> tuple[Array, Array | None]:
        """Return numbers or codes for X, and the probabilities if there are some."""

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.inputs)

    @property
    def place(self) -> str:
        """The format: there is no code to point at."""
        return f"the {self.format} file"

    def with_texts(self, texts: Mapping[int, Sequence[str]]) -> Self:
        """Return the same model for rows whose codes stand for these texts, by the position of their column."""
        bound = copy.copy(self)
        bound._texts = texts  # noqa: SLF001  of this class
        return bound

    def predict(self, X: Array, /) -> Array:
        """Predict numbers (n,) or (n, k), or codes of `classes` (n,); raise ValueError for what is no finite number."""
        found = self._run(X)[0]
        if not np.isfinite(found).all():
            raise ValueError("A prediction is not a finite number.")
        return found

    def probabilities(self, X: Array) -> Array:
        """Return (n, classes); raise NotNumbers for a file that gives none."""
        found = self._run(X)[1]
        if found is None:
            raise NotNumbers("the file gives no probabilities")
        return found

    def size(self, rows: int) -> Size:
        """Return what a prediction needs: the matrix in the form that the library takes."""
        return Size(1, max(8, rows * self.width * 8))

    def measured(self, held_bytes: int, stacks: Stacks) -> None:
        """Take what was found out about the model when it was tried."""
        self._measured_bytes, self.stacks = max(held_bytes, len(self._content)), stacks

    def held_bytes(self) -> int:
        """Return what was measured, or the size of the file."""
        return self._measured_bytes

    def save(self) -> Stored:
        """Return the file as it came."""
        columns = [Column(each.name, each.kind or "number") for each in self.inputs]
        return Stored({}, {}, {f"model.{self.format}": self._content}, columns, self.classes)

    def unkept(self, restored: FittedModel | None = None) -> list[str]:  # noqa: ARG002  the file is all there is
        """Return nothing: the file is kept as it is."""
        return []

    def terms(self) -> list[str]:
        """Return nothing."""
        return []

    def coefficients(self) -> Array | None:
        """Return nothing."""
        return None

    def diagnostics(self) -> Mapping[str, int | float]:
        """Return nothing."""
        return {}

    def warnings(self) -> list[str]:
        """Return nothing."""
        return []


def numbered(width: int) -> list[Input]:
    """Return the columns of a file that does not name them."""
    return [Input(name, "number") for name in default_names("x", width)]


def named(names: Sequence[str]) -> list[Input]:
    """Return columns of numbers with these names."""
    return [Input(name, "number") for name in names]


def labels_of(count: int, own: Sequence[Label] | None, hints: Hints) -> list[Label]:
    """Return the labels of a classifier: those of the request, or of the file, or numbers from 0.

    Raise Invalid for a number of labels that is not that of the file.
    """
    if hints.classes is not None:
        if len(hints.classes) != count:
            raise Invalid.at("/classes", f"{len(hints.classes)} classes are named, the file has {count}")
        return hints.classes
    return list(own) if own is not None else list(range(count))


def codes(predicted: Sequence[Any], positions: Mapping[Any, int]) -> Array:
    """Return the codes of predicted labels; raise NotNumbers for one that is no class."""
    try:
        return np.array([positions[label] for label in predicted], dtype=np.float64)
    except (KeyError, TypeError):
        raise NotNumbers("the file predicted something that is none of its classes") from None


def by_probability(found: Array) -> tuple[Array, Array]:
    """Return the codes of the most probable classes, and probabilities (n, k), from (n, k) or from (n,) of the second.

    Libraries give the second column alone where there are two classes.
    """
    probabilities = np.column_stack((1.0 - found, found)) if found.ndim == 1 else found
    return np.argmax(probabilities, axis=1).astype(np.float64), probabilities.astype(np.float64, copy=False)
