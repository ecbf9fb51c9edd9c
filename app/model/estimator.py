"""The interfaces of estimators and fitted models of any library."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from app.model.dataframes import Array
from app.model.files import FileModel
from app.schemas.columns import Column, Kind
from app.schemas.tasks import Better, Format, Label, Stacks, Task


def _read_only(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view


class FitData(NamedTuple):
    """The data of a fit: X (n, p) and y (n,) or (n, k) from a table, labels as codes."""

    X: Array
    y: Array
    columns: Sequence[Column]
    """The known facts about each column of X."""
    weight: Array | None = None
    classes: list[Label] | None = None
    """The labels of the codes in y; None for a regression."""
    texts: Mapping[int, Sequence[str]] = {}
    """The texts of the codes of a column of X, by its position; possibly more than the column keeps."""

    def read_only(self) -> FitData:
        """Return read-only views of the same numbers."""
        weight = None if self.weight is None else _read_only(self.weight)
        return self._replace(X=_read_only(self.X), y=_read_only(self.y), weight=weight)

    def copied(self) -> FitData:
        """Return copies of the numbers, which a fit may write to."""
        weight = None if self.weight is None else self.weight.copy()
        return self._replace(X=self.X.copy(), y=self.y.copy(), weight=weight)


class Stored(NamedTuple):
    """The stored state of a fitted model."""

    params: dict[str, Any]
    learned: dict[str, Any]
    """Plain JSON values."""
    files: Mapping[str, bytes | memoryview]
    columns: Sequence[Column]
    """The known facts about each column of X in its fit."""
    classes: list[Label] | None = None


class Size(NamedTuple):
    """The memory that work on some rows needs, checked before anything is allocated."""

    terms: int
    """The number of coefficients of each output, or the nearest equivalent."""
    design_bytes: int
    """The bytes of the numbers computed from the rows."""
    copies: int = 4
    """How many copies of all outputs' coefficients exist at once: scaled, in units of the data, and workspace."""


class FittedModel(Protocol):
    """A fitted, restored or imported model, ready to predict.

    X is the matrix (n, p) of a table with the columns of the fit: texts and truth values are codes, see Table.
    """

    @property
    def task(self) -> Task:
        """The kind of its predictions."""

    @property
    def classes(self) -> list[Label] | None:
        """The labels that it predicts, in order; None for a regression."""

    @property
    def width(self) -> int:
        """The number of columns of numbers after conversion."""

    @property
    def stacks(self) -> Stacks | None:
        """Whether a row may be predicted together with others; None if this must be tested."""

    @property
    def isolated(self) -> bool:
        """Whether rows are predicted in a process of their own: such a call takes long, and is shared with nobody."""

    @property
    def has_probabilities(self) -> bool:
        """Whether it has probabilities."""

    @property
    def place(self) -> str:
        """Its name and where its code is, for the log."""

    def with_texts(self, texts: Mapping[int, Sequence[str]]) -> FittedModel:
        """Return the model for rows whose codes mean these texts, by position, instead of the texts of the fit.

        It is called only for estimators that read texts.
        """

    def predict(self, X: Array, /) -> Array:
        """Predict for X: numbers (n,) or (n, k), or codes of `classes` (n,).

        Raises ValueError for data that it refuses, NotNumbers for invalid predictions.
        """

    def probabilities(self, X: Array) -> Array:
        """Return the probability of each class for X, (n, classes); raises as `predict` does."""

    def own_metrics(self, X: Array, y: Array, weight: Array | None) -> Any:
        """Return the result of its own `score` for X (n, p) and y; None if predictions are compared with y.

        Raises as `predict` does.
        """

    def size(self, rows: int) -> Size:
        """Return the size of a prediction for that many rows."""

    def held_bytes(self) -> int:
        """Return the bytes that it takes in memory."""

    def save(self) -> Stored:
        """Return the state to store; raise TypeError if it cannot be stored."""

    @property
    def attributes(self) -> Collection[str]:
        """The names of its attributes, if `save` may leave out some of them; otherwise empty."""

    def unkept(self, restored: Collection[str] | None = None) -> list[str]:
        """Return advice on attributes that `save` left out and that a restored model lacks."""

    def terms(self) -> list[str]:
        """Name the terms of `coefficients`; [] without terms."""

    def coefficients(self) -> Array | None:
        """Return coefficients (terms,) or (terms, k) in units of the data; None without terms."""

    def diagnostics(self) -> Mapping[str, int | float | None]:
        """Return numbers about the solution, which are added to the metrics of the fit."""

    def warnings(self) -> list[str]:
        """Return warnings about the solution as sentences."""


class AnyEstimator(Protocol):
    """The origin of fitted models: a class, an object of a library, or an imported file."""

    @property
    def name(self) -> str:
        """The name in requests."""

    @property
    def task(self) -> Task:
        """The kind of its models' predictions."""

    @property
    def description(self) -> str:
        """One sentence about it."""

    @property
    def source(self) -> str:
        """The full name of its class, or the digest of an imported file."""

    @property
    def format(self) -> Format:
        """How its models are stored."""

    @property
    def files(self) -> type[FileModel] | None:
        """The class of a model whose input is a file, None if the input is rows; the members below apply to rows."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of columns that it accepts."""

    @property
    def takes_missing(self) -> bool:
        """Whether values may be missing in its inputs."""

    @property
    def reads_texts(self) -> bool:
        """Whether it accepts any texts: also unknown ones, and any number of different ones."""

    @property
    def text_columns(self) -> Collection[str]:
        """The names of columns that are texts in a fit too, whatever their cells look like."""

    @property
    def takes_weights(self) -> bool:
        """Whether its fit accepts a weight for each row."""

    @property
    def metrics(self) -> Mapping[str, Better]:
        """The names of the metrics in `own_metrics`, and which values are better; {} for the metrics of the task."""

    @property
    def modules(self) -> Sequence[str]:
        """The modules of its code, for the versions of libraries; the first is that of its own class or object."""

    @property
    def cannot_fit(self) -> str:
        """Why it cannot be fitted, '' if it can."""

    def parameters(self) -> type[msgspec.Struct]:
        """Return the parameters that requests may set: types, limits, defaults."""

    def check(self, params: Mapping[str, Any]) -> None:
        """Raise ValueError for parameters that match `parameters` but are refused."""

    def size(self, params: Mapping[str, Any], inputs: int | Sequence[int | None], rows: int) -> Size:
        """Return the size of a fit to that many rows.

        `inputs` is their number if all are numbers. Otherwise it has for each resulting column of numbers the column of
        the table whose indicator it is, or None if it is not an indicator.
        """

    def fit(self, params: Mapping[str, Any], data: FitData) -> FittedModel:
        """Fit a new model; raise ValueError for data that it refuses."""

    def load(self, stored: Stored) -> FittedModel:
        """Return the stored model; may raise anything."""

    def misfit(self, params: Mapping[str, Any]) -> str:
        """Return the difference between a version with these parameters and the current code, '' for none."""
