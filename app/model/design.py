"""Converts the columns of a table to numbers for a model: each text becomes a column of 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from app.model.dataframes import Array
from app.schemas.columns import NUMERIC, Column

_AS_THEY_ARE = NUMERIC | {"datetime"}


class Design:
    """Columns as numbers: a text column is one-hot without its first category, a truth value is 0 or 1.

    Without the first category the columns are independent of the constant term (dummy variables: Hastie, Tibshirani &
    Friedman, The Elements of Statistical Learning, §3.2). Lists with one entry per column are created when they are
    needed, because a design may be too large.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self.plain = all(column.kind in NUMERIC for column in columns)
        """Whether all columns are numbers, so that `matrix` returns its argument."""

    @cached_property
    def groups(self) -> list[int | None]:
        """For each column of numbers the column of the table whose indicator it is; None if it is not an indicator."""
        made: list[int | None] = []
        for position, column in enumerate(self._columns):
            made += [None if column.kind in _AS_THEY_ARE else position] * _width(column)
        return made

    @cached_property
    def names(self) -> list[str]:
        """The names of the columns of numbers."""
        made: list[str] = []
        for column in self._columns:
            if column.kind == "text":
                made += [f"{column.name}={text}" for text in (column.categories or [])[1:]]
            else:
                made.append(f"{column.name}=true" if column.kind == "boolean" else column.name)
        return made

    @cached_property
    def _sources(self) -> list[tuple[int, int | None]]:
        """For each column of numbers the column of the table, and the text for which it is 1."""
        made: list[tuple[int, int | None]] = []
        for position, column in enumerate(self._columns):
            is_text = column.kind == "text"
            made += [(position, code) for code in range(1, 1 + _width(column))] if is_text else [(position, None)]
        return made

    @property
    def width(self) -> int:
        """The number of columns of numbers."""
        return len(self.groups)

    def matrix(self, X: Array) -> Array:
        """Return (n, width) for the X (n, columns) of a table; X itself if all columns are numbers."""
        if self.plain:
            return X
        made = np.empty((len(X), self.width))
        for target, (source, code) in enumerate(self._sources):
            made[:, target] = X[:, source] if code is None else X[:, source] == code
        return made


def _width(column: Column) -> int:
    """Return the number of columns of numbers for a column."""
    return max(0, len(column.categories or ()) - 1) if column.kind == "text" else 1
