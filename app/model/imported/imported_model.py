"""What models from files have in common, whatever library runs them: a matrix in, numbers or codes of labels out."""

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
    """A column that a file asks for."""

    name: str
    kind: Kind | None = None
    """None where the file does not say it."""


class Hints(NamedTuple):
    """What a request says about a file that the file itself does not say."""

    classes: list[Label] | None = None
    """The labels in the order of the codes that the model predicts."""
    task: Task | None = None
    settled: bool = False
    """Whether they are those of a version, which was tried out with them."""


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
    isolated = False
    """Whether it predicts in a process of its own, as rows may make it run without end."""
    takes_missing = True
    """Whether the model has a way for missing values, and does not make up something for them."""

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
        found, probabilities = self._run(X)
        _refuse_unknown(probabilities)
        if not np.isfinite(found).all():
            raise ValueError("A prediction is not a finite number.")
        return found

    def probabilities(self, X: Array) -> Array:
        """Return (n, classes); raise NotNumbers for a file that gives none."""
        found = self._run(X)[1]
        if found is None:
            raise NotNumbers("the file gives no probabilities")
        _refuse_unknown(found)
        return found

    def own_metrics(self, X: Array, y: Array, weight: Array | None) -> Any:  # noqa: ARG002  part of the protocol
        """Return nothing: the metrics are those of its task."""
        return None

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

    @property
    def attributes(self) -> Collection[str]:
        """Return nothing: the file is all there is."""
        return ()

    def unkept(self, restored: Collection[str] | None = None) -> list[str]:  # noqa: ARG002
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


def task_of(found: Task, hints: Hints) -> Task:
    """Return what a file that says it predicts; raise Invalid for a request that says otherwise."""
    if hints.task not in {None, found} and not hints.settled:
        raise Invalid.at("/kind", f"the file holds a model of {found}, the request says {hints.task}")
    return found if not hints.settled or hints.task is None else hints.task


def refuse_classes(hints: Hints) -> None:
    """Raise Invalid where a request names the classes of a model of numbers."""
    if hints.classes is not None and not hints.settled:
        raise Invalid.at("/classes", "classes are named, but the model is one of regression: it predicts numbers")


def labels_of(count: int, own: Sequence[Label] | None, hints: Hints) -> list[Label]:
    """Return the labels of a classifier: those of the file, or those that the request names for numbers from 0.

    Raise Invalid where the two contradict each other, and for labels that cannot be sent.
    """
    known = list(range(count)) if own is None else list(own)
    if hints.settled and hints.classes is not None and len(hints.classes) == count:
        return hints.classes
    if own is not None:
        check_labels(known, "/file")
    return resolve(known, hints.classes)


def _refuse_unknown(probabilities: Array | None) -> None:
    """Raise ValueError for probabilities that are no numbers: the greatest of them is not known."""
    if probabilities is not None and not np.isfinite(probabilities).all():
        row = int((~np.isfinite(probabilities).all(axis=1)).argmax())
        raise ValueError(f"row {row}: a probability is not a finite number, so there is no label")


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
