"""Tables, which are the data of models, and what says which columns of a request become one.

The data of a request stays as it came until the service knows the model. Then a `Choice` says which columns are read
and as what, and the reader of the format (`Records`) makes a table of those alone.
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
    and a missing value NaN. y is finite, and so is X where the model takes no missing values. That of a classifier
    holds the positions of labels among `labels`.
    """

    X: Matrix
    y: Matrix | None = None
    inputs: list[str] | None = None
    outputs: list[str] | None = None
    kinds: list[Kind] | None = None
    """What the columns of X are; None where all are numbers."""
    categories: dict[int, list[str]] = {}
    """The texts of each text column, by its position."""
    weight: Matrix | None = None
    """The weight of each row (n,)."""
    unused: list[str] = []
    """The names of the columns that came with these and were not read."""
    named: bool = True
    """Whether `inputs` came with the data; otherwise they are x1, x2 … by the positions of the columns."""
    kept: dict[str, list[Cell]] = {}
    """The cells of columns that come back beside the predictions, by name."""
    labels: list[Label] | None = None
    """The different labels in y, in order; after the classes of the fit those that it did not see. None for numbers."""
    warnings: list[str] = []
    """What is doubtful about the columns of a fit."""

    @property
    def is_plain(self) -> bool:
        """Whether it is numbers in columns without names, with nothing beside them but cells that are kept."""
        return self.inputs is None and self.y is None and self.weight is None and self.kinds is None

    def __iter__(self) -> Iterator[Matrix | None]:
        """Yield X and y, for `X, y = source.read()`."""
        return iter((self.X, self.y))


@dataclass(frozen=True)
class Selection:
    """Which columns are read, by their positions in the data, and what they may hold."""

    inputs: list[int]
    columns: list[Column | None]
    """For each input the column of the fit that it must agree with; None where its own values say what it is."""
    kinds: frozenset[Kind]
    """The kinds that the model takes."""
    takes_missing: bool = False
    """Whether the model takes missing values."""
    outputs: Sequence[int] = ()
    weight: int | None = None
    kept: Sequence[int] = ()
    """The columns whose cells are kept as they came."""
    check_indicators: Callable[[Sequence[int]], None] | None = None
    """Raises Invalid where a model cannot have so many inputs, even if all are indicators of these groups, for which
    it has the fewest terms."""
    any_texts: bool = False
    """Whether the model takes any number of different texts."""

    @cached_property
    def plain_width(self) -> int:
        """The number of columns where all of them are read, as numbers and in their order, and nothing else; or -1."""
        return len(self.inputs) if self.in_order and self.numeric and self.inputs_only else -1

    @cached_property
    def in_order(self) -> bool:
        """Whether the inputs are the first columns of the data, in their order."""
        return self.inputs == list(range(len(self.inputs)))

    @cached_property
    def inputs_only(self) -> bool:
        """Whether no columns are read but the inputs."""
        return not self.outputs and self.weight is None and not self.kept

    @cached_property
    def numeric(self) -> bool:
        """Whether all inputs may be numbers."""
        return all(column is None or column.kind in NUMERIC for column in self.columns)


class Choice(Protocol):
    """Selects columns, once the names in the data are known."""

    @property
    def labels(self) -> LabelKind | None:
        """What the labels in y may be; None where y is numbers."""

    def select(self, names: list[str] | None, width: int, pointer: str, *, has_y: bool) -> Selection:
        """Return the selection from `width` columns with these names; raise Invalid.

        `pointer` leads to the names in the request. With `has_y` the outputs stand beside the columns.
        """


class Records(Protocol):
    """The data of a request, in the format in which it came."""

    def read(self, choice: Choice) -> Table:
        """Read the chosen columns, in any thread; raise Invalid with pointers to the values that are wrong."""
