"""What the service asks of estimators and of the models that they fit, whatever library these are of."""

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
    """The data of a fit: X (n, p) and y (n,) or (n, k) as a table has them, labels by their codes."""

    X: Array
    y: Array
    columns: Sequence[Column]
    """What is known of each column of X."""
    weight: Array | None = None
    classes: list[Label] | None = None
    """The labels that the codes in y stand for; None for a regression."""
    texts: Mapping[int, Sequence[str]] = {}
    """The texts that the codes of a column of X stand for, by its position; also of more than its column keeps."""

    def read_only(self) -> FitData:
        """Return views of the same numbers that no fit can write to."""
        weight = None if self.weight is None else _read_only(self.weight)
        return self._replace(X=_read_only(self.X), y=_read_only(self.y), weight=weight)

    def copied(self) -> FitData:
        """Return copies of the numbers that a fit may write to."""
        weight = None if self.weight is None else self.weight.copy()
        return self._replace(X=self.X.copy(), y=self.y.copy(), weight=weight)


class Stored(NamedTuple):
    """What is kept of a fitted model, beside what it says about itself."""

    params: dict[str, Any]
    learned: dict[str, Any]
    """Plain JSON values."""
    files: Mapping[str, bytes | memoryview]
    columns: Sequence[Column]
    """What is known of each column of the X that it was fitted on."""
    classes: list[Label] | None = None


class Size(NamedTuple):
    """What work on some rows needs: a check before anything is allocated."""

    terms: int
    """The coefficients of each output, or what comes nearest to it."""
    design_bytes: int
    """The bytes of the numbers that are made of the rows."""
    copies: int = 4
    """How often the coefficients of all outputs are held at once: scaled, in units of the data, and for the work."""


class FittedModel(Protocol):
    """A model that was fitted, restored or imported, ready to predict.

    X is the matrix (n, p) of a table with the columns of the fit: texts and truth values are codes, as Table says.
    """

    @property
    def task(self) -> Task:
        """What it predicts."""

    @property
    def classes(self) -> list[Label] | None:
        """The labels that it predicts, in order; None for a regression."""

    @property
    def width(self) -> int:
        """The number of columns of numbers that it makes of a row."""

    @property
    def stacks(self) -> Stacks | None:
        """Whether a row may be predicted together with others; None where that has to be found out."""

    @property
    def isolated(self) -> bool:
        """Whether rows are predicted in a process of their own: such a call takes long, and is shared with nobody."""

    @property
    def has_probabilities(self) -> bool:
        """Whether `probabilities` has something to say."""

    @property
    def place(self) -> str:
        """Its name and where its code is, for the log."""

    def with_texts(self, texts: Mapping[int, Sequence[str]]) -> FittedModel:
        """Return the model for rows whose codes stand for these texts, by position, in place of those of the fit.

        It is called only for estimators that read texts.
        """

    def predict(self, X: Array, /) -> Array:
        """Predict for X: numbers (n,) or (n, k), or codes of `classes` (n,).

        Raises ValueError for data that it refuses, NotNumbers for predictions that are none.
        """

    def probabilities(self, X: Array) -> Array:
        """Return the probability of each class for X, (n, classes); raises as `predict` does."""

    def own_metrics(self, X: Array, y: Array, weight: Array | None) -> Any:
        """Return what its own `score` says of X (n, p) and y; None where predictions are compared with y.

        Raises as `predict` does.
        """

    def size(self, rows: int) -> Size:
        """Return what a prediction of so many rows needs."""

    def held_bytes(self) -> int:
        """Return the bytes that it takes in memory."""

    def save(self) -> Stored:
        """Return what is to be kept of it; raise TypeError for what cannot be stored."""

    @property
    def attributes(self) -> Collection[str]:
        """The names of what it consists of, where `save` may leave out some of it; or else nothing."""

    def unkept(self, restored: Collection[str] | None = None) -> list[str]:
        """Return advice on attributes that `save` left out, and that are not among those of a restored model."""

    def terms(self) -> list[str]:
        """Name the terms of `coefficients`; [] without terms."""

    def coefficients(self) -> Array | None:
        """Return coefficients (terms,) or (terms, k) in units of the data; None without terms."""

    def diagnostics(self) -> Mapping[str, int | float | None]:
        """Return numbers about the solution that stand among the metrics of the fit."""

    def warnings(self) -> list[str]:
        """Return sentences about what is doubtful in the solution."""


class AnyEstimator(Protocol):
    """What models are made of: a class, an object of a library, or an imported file."""

    @property
    def name(self) -> str:
        """The name in requests."""

    @property
    def task(self) -> Task:
        """What its models predict."""

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
        """The class of a model whose input is a file, None where it is rows: then what is said of these holds."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of columns that it takes."""

    @property
    def takes_missing(self) -> bool:
        """Whether values may be missing in its inputs."""

    @property
    def reads_texts(self) -> bool:
        """Whether it takes any texts: such as the fit did not see, and any number of them."""

    @property
    def takes_weights(self) -> bool:
        """Whether its fit takes a weight for each row."""

    @property
    def metrics(self) -> Mapping[str, Better]:
        """The names of what its models say in `own_metrics`, and which values are better; {} for those of the task."""

    @property
    def modules(self) -> Sequence[str]:
        """The modules of its code, for the versions of libraries; the first is that of its own class or object."""

    @property
    def cannot_fit(self) -> str:
        """Why it cannot be fitted, '' where it can."""

    def parameters(self) -> type[msgspec.Struct]:
        """Return the parameters that requests may set: types, limits, defaults."""

    def check(self, params: Mapping[str, Any]) -> None:
        """Raise ValueError for parameters that fit `parameters` but that it refuses."""

    def size(self, params: Mapping[str, Any], inputs: int | Sequence[int | None], rows: int) -> Size:
        """Return what a fit to so many rows needs.

        `inputs` is their number where all are numbers. Otherwise it has, for each column of numbers that they would
        become, the column of the table whose indicator it is, or None for one that is no indicator.
        """

    def fit(self, params: Mapping[str, Any], data: FitData) -> FittedModel:
        """Fit a new model; raise ValueError for data that it refuses."""

    def load(self, stored: Stored) -> FittedModel:
        """Return the model that was kept; may raise anything."""

    def misfit(self, params: Mapping[str, Any]) -> str:
        """Say what separates a version of these parameters from the code that there is now, '' for nothing."""
