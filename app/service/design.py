"""The numbers that a model takes in place of the columns of a table: texts become a column of 0 and 1 for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.schemas.columns import NUMERIC, Column
from app.schemas.requests import Matrix


class Design:
    """Columns as numbers: a text column is one-hot without its first category, a truth value is 0 or 1.

    Without the first category the columns are independent of the constant term (dummy variables: Hastie, Tibshirani &
    Friedman, The Elements of Statistical Learning, §3.2).
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.names: list[str] = []
        self.groups: list[int | None] = []
        """For each column of numbers the column of the table whose indicator it is; None if it is no indicator."""
        self._sources: list[tuple[int, int | None]] = []
        for position, column in enumerate(columns):
            if column.kind == "text":
                categories = list(enumerate(column.categories or []))[1:]
                self._add(position, [(f"{column.name}={text}", code) for code, text in categories], indicator=True)
            elif column.kind == "boolean":
                self._add(position, [(f"{column.name}=true", None)], indicator=True)
            else:
                self._add(position, [(column.name, None)], indicator=False)
        self._plain = all(column.kind in NUMERIC for column in columns)

    def _add(self, position: int, made: Sequence[tuple[str, int | None]], *, indicator: bool) -> None:
        for name, code in made:
            self.names.append(name)
            self.groups.append(position if indicator else None)
            self._sources.append((position, code))

    @property
    def width(self) -> int:
        """The number of columns of numbers."""
        return len(self.names)

    def matrix(self, X: Matrix) -> Matrix:
        """Return (n, width) for the X (n, columns) of a table; X itself where all columns are numbers."""
        if self._plain:
            return X
        made = np.empty((len(X), self.width))
        for target, (source, code) in enumerate(self._sources):
            made[:, target] = X[:, source] if code is None else X[:, source] == code
        return made
