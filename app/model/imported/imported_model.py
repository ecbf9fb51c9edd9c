"""The common base of models from files, for all libraries: a matrix in, numbers or codes of labels out."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from app.errors import Invalid
from app.model.base import NotNumbers
from app.model.dataframes import Array, default_names
from app.model.estimator import Size, Stored
from app.model.imported.class_labels import check_labels, resolve
from app.schemas.columns import Column, Kind
from app.schemas.tasks import Format, Label, Stacks, Task


class Input(NamedTuple):
    """A column that a file needs."""

    name: str
    kind: Kind | None = None
    """None if it is not in the file."""
    example: str | float | None = None
    """A value that the file knows; seconds since 1970 for a time."""


class Hints(NamedTuple):
    """Facts about a file from the request that are not in the file."""

    classes: list[Label] | None = None
    """The labels in the order of the model's codes."""
    task: Task | None = None
    settled: bool = False
    """Whether they are from a version, which was tried out with them."""


class ImportedModel(ABC):
    """A fitted model that a library runs from the bytes of its file."""

    format: ClassVar[Format]
    task: Task
    classes: list[Label] | None = None
    has_probabilities = False
    inputs: list[Input]
    """The columns that the file needs, in order."""
    named_inputs = False
    """Whether the file names its columns."""
    outputs = 1
    vector = True
    """Whether a prediction of a row is a number, and not a list."""
    stacks: Stacks = "no"
    isolated = False
    """Whether it predicts in a process of its own, as rows may make it run without end."""
    takes_missing = True
    """Whether the model handles missing values, instead of treating them as some value."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._measured_bytes = len(content)
        self._texts: Mapping[int, Sequence[str]] = {}

    @abstractmethod
    def _run(self, X: Array) -> tuple[Array, Array | None]:
        """Return numbers or codes for X, and the probabilities if the file has them."""

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.inputs)

    @property
    def place(self) -> str:
        """The format: there is no code to name."""
        return f"the {self.format} file"

    def with_texts(self, texts: Mapping[int, Sequence[str]]) -> Self:
        """Return the same model for rows whose codes mean these texts, by the position of their column."""
        bound = copy.copy(self)
        bound._texts = texts  # noqa: SLF001  of this class
        return bound

    def predict(self, X: Array, /) -> Array:
        """Predict numbers (n,) or (n, k), or codes of `classes` (n,); raise ValueError for NaN and infinity."""
        found, probabilities = self._run(X)
        _refuse_unknown(probabilities)
        if not np.isfinite(found).all():
            raise ValueError("A prediction is not a finite number.")
        return found

    def probabilities(self, X: Array) -> Array:
        """Return (n, classes); raise NotNumbers for a file without probabilities."""
        found = self._run(X)[1]
        if found is None:
            raise NotNumbers("the file gives no probabilities")
        _refuse_unknown(found)
        return found

    def own_metrics(self, X: Array, y: Array, weight: Array | None) -> Any:  # noqa: ARG002  part of the protocol
        """Return nothing: the metrics are those of its task."""
        return None

    def size(self, rows: int) -> Size:
        """Return the size of a prediction: the matrix in the form of the library."""
        return Size(1, max(8, rows * self.width * 8))

    def observe(self, X: Array) -> list[str]:  # noqa: ARG002  of a library that says all about itself
        """Find out from rows what the file does not say; return warnings."""
        return []

    def measured(self, held_bytes: int, stacks: Stacks, *, has_probabilities: bool = True) -> None:
        """Set the findings of the model's trial."""
        self._measured_bytes, self.stacks = max(held_bytes, len(self._content)), stacks
        self.has_probabilities = self.has_probabilities and has_probabilities

    def held_bytes(self) -> int:
        """Return the measured memory, or the size of the file."""
        return self._measured_bytes

    def save(self) -> Stored:
        """Return the file unchanged."""
        columns = [Column(each.name, each.kind or "number") for each in self.inputs]
        return Stored({}, {}, {f"model.{self.format}": self._content}, columns, self.classes)

    @property
    def attributes(self) -> Collection[str]:
        """Return nothing: the file is the whole model."""
        return ()

    def unkept(self, restored: Collection[str] | None = None) -> list[str]:  # noqa: ARG002
        """Return nothing: the file is stored unchanged."""
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


def task_of(found: Task, hints: Hints) -> Task:
    """Return the task of a file that has one; raise Invalid if the request contradicts it."""
    if hints.task not in {None, found} and not hints.settled:
        raise Invalid.at("/kind", f"the file holds a model of {found}, the request says {hints.task}")
    return found if not hints.settled or hints.task is None else hints.task


def refuse_classes(hints: Hints) -> None:
    """Raise Invalid if a request names classes for a regression model."""
    if hints.classes is not None and not hints.settled:
        raise Invalid.at("/classes", "classes are named, but the model is a regressor: it predicts numbers")


def labels_of(count: int, own: Sequence[Label] | None, hints: Hints) -> list[Label]:
    """Return the labels of a classifier: those of the file, or the request's labels for numbers from 0.

    Raise Invalid if the two contradict each other, and for labels that cannot be sent.
    """
    known = list(range(count)) if own is None else list(own)
    if hints.settled and hints.classes is not None and len(hints.classes) == count:
        return hints.classes
    if own is not None:
        check_labels(known, "/file")
    return resolve(known, hints.classes)


def _refuse_unknown(probabilities: Array | None) -> None:
    """Raise ValueError for probabilities that are not finite: the greatest of them is unknown."""
    if probabilities is not None and not np.isfinite(probabilities).all():
        row = int((~np.isfinite(probabilities).all(axis=1)).argmax())
        raise ValueError(f"row {row}: a probability is not a finite number, so there is no label")


def codes(predicted: Sequence[Any], positions: Mapping[Any, int]) -> Array:
    """Return the codes of predicted labels; raise NotNumbers for an unknown label."""
    try:
        return np.array([positions[label] for label in predicted], dtype=np.float64)
    except (KeyError, TypeError):
        raise NotNumbers("the file predicted a value that is not one of its classes") from None


def by_probability(found: Array) -> tuple[Array, Array]:
    """Return the codes of the most probable classes, and probabilities (n, k), from (n, k) or from (n,) of the second.

    Some libraries return only the second column for two classes.
    """
    probabilities = np.column_stack((1.0 - found, found)) if found.ndim == 1 else found
    return np.argmax(probabilities, axis=1).astype(np.float64), probabilities.astype(np.float64, copy=False)
