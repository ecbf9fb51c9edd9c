"""Tables, which are the data of models, and the choice of columns that a request's table consists of.

The data of a request stays in its format until the model is known. Then a `Choice` selects the columns to read and
their types, and the reader of the format (`Records`) builds a table of these columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Protocol, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from app.schemas.columns import NUMERIC, Column, Kind
from app.schemas.tasks import Label, LabelKind

Matrix: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Cell: TypeAlias = float | str | bool | None
Rows: TypeAlias = list[list[Cell] | dict[str, Cell]]
Names: TypeAlias = list[Annotated[str, Meta(min_length=1)]]
Targets: TypeAlias = list[float | list[float]]


class Table(msgspec.Struct, tag=True, gc=False):
    """The data of a model: `X` (n, p) and `y` (n,) or (n, k), float64, with the names of their columns.

    A truth value is 0 or 1 in X, a text its position in the categories of its column, a time seconds since 1970 (UTC),
    and a missing value NaN. y is finite, and so is X if the model takes no missing values. A classifier's y has the
    positions of labels among `labels`.
    """

    X: Matrix
    y: Matrix | None = None
    inputs: list[str] | None = None
    outputs: list[str] | None = None
    kinds: list[Kind] | None = None
    """The kinds of the columns of X; None if all are numbers."""
    categories: dict[int, list[str]] = {}
    """The texts of each text column, by its position."""
    weight: Matrix | None = None
    """The weight of each row (n,)."""
    unused: list[str] = []
    """The names of columns in the data that were not read."""
    named: bool = True
    """Whether the data has the names in `inputs`; otherwise they are x1, x2 … by the positions of the columns."""
    kept: dict[str, list[Cell]] = {}
    """The cells of columns to return beside the predictions, by name."""
    labels: list[Label] | None = None
    """The different labels in y: the classes of the fit in order, then labels that were not in it. None for numbers."""
    warnings: list[str] = []
    """Warnings about the columns of a fit."""

    @property
    def is_plain(self) -> bool:
        """Whether it has only numbers in columns without names, and perhaps cells to return."""
        return self.inputs is None and self.y is None and self.weight is None and self.kinds is None

    def __iter__(self) -> Iterator[Matrix | None]:
        """Yield X and y, for `X, y = source.read()`."""
        return iter((self.X, self.y))


@dataclass(frozen=True)
class Selection:
    """The columns to read, by their positions in the data, and their allowed values."""

    inputs: list[int]
    columns: list[Column | None]
    """For each input the column of the fit that it must match; None if its own values determine its kind."""
    kinds: frozenset[Kind]
    """The kinds that the model accepts."""
    takes_missing: bool = False
    """Whether the model accepts missing values."""
    outputs: Sequence[int] = ()
    weight: int | None = None
    kept: Sequence[int] = ()
    """The columns whose cells are returned unchanged."""
    check_indicators: Callable[[Sequence[int]], None] | None = None
    """Raises Invalid if a model cannot have so many inputs, even if all are indicators of these groups, for which
    it has the fewest terms."""
    any_texts: bool = False
    """Whether the model accepts any number of different texts."""

    @cached_property
    def plain_width(self) -> int:
        """The number of columns if all are read as numbers, in their order, and nothing else; otherwise -1."""
        return len(self.inputs) if self.in_order and self.numeric and self.inputs_only else -1

    @cached_property
    def in_order(self) -> bool:
        """Whether the inputs are the first columns of the data, in their order."""
        return self.inputs == list(range(len(self.inputs)))

    @cached_property
    def inputs_only(self) -> bool:
        """Whether only the inputs are read."""
        return not self.outputs and self.weight is None and not self.kept

    @cached_property
    def numeric(self) -> bool:
        """Whether all inputs may be numbers."""
        return all(column is None or column.kind in NUMERIC for column in self.columns)

    def title(self, names: Sequence[str], source: int) -> str:
        """Return the name of a column of the data for error texts; an input has that of the fit.

        Data without names has only positions, and the fit may have left columns out or named them otherwise.
        """
        column = self.columns[self.inputs.index(source)] if source in self.inputs else None
        return names[source] if column is None else column.name


class Choice(Protocol):
    """Selects columns, once the names in the data are known."""

    @property
    def labels(self) -> LabelKind | None:
        """The allowed kind of labels in y; None if y is numbers."""

    def select(self, names: list[str] | None, width: int, pointer: str, *, has_y: bool) -> Selection:
        """Return the selection from `width` columns with these names; raise Invalid.

        `pointer` leads to the names in the request. With `has_y` the outputs are given separately.
        """


class Records(Protocol):
    """The data of a request, in its original format."""

    def read(self, choice: Choice) -> Table:
        """Read the chosen columns, in any thread; raise Invalid with pointers to the values that are wrong."""
