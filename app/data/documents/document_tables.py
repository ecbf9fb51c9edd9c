"""The tables of a document: their first rows are stored, all rows are counted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from math import isfinite
from typing import Any

from app.data.documents.cleaning import clean

MAX_KEPT_ROWS = 1_000  # of a table; its summary covers all rows
MAX_COLUMNS = 1_000
MAX_DISTINCT = 1_000
MAX_CELL_CHARACTERS = 10_000

_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ][\d:.+Z-]*)?")


class ColumnCounts:
    """Statistics of a column, counted while its cells arrive."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.filled = 0
        self._numbers: list[float] = []  # the least and the largest so far
        self._dates: list[str] = []
        self._is_number = self._is_date = True
        self._distinct: set[str] = set()

    def add(self, cell: str) -> None:
        """Count a cell that is not empty."""
        self.filled += 1
        if self._is_number:
            number = as_number(cell)
            self._is_number = number is not None
            if number is not None:
                self._numbers = [min([number, *self._numbers[:1]]), max([number, *self._numbers[1:]])]
        if self._is_date:
            self._is_date = _DATE.fullmatch(cell) is not None
            self._dates = [min([cell, *self._dates[:1]]), max([cell, *self._dates[1:]])]
        if len(self._distinct) <= MAX_DISTINCT:
            self._distinct.add(cell)

    def summary(self, rows: int) -> dict[str, Any]:
        """Return the number of filled cells, and the range of numbers and dates, or the number of different texts."""
        counts = {"name": self.name, "filled": self.filled, "missing": rows - self.filled}
        if not self.filled:
            return counts | {"kind": "empty"}
        if self._is_number or self._is_date:
            least, largest = self._numbers if self._is_number else self._dates
            return counts | {"kind": "numbers" if self._is_number else "dates", "min": least, "max": largest}
        is_more = len(self._distinct) > MAX_DISTINCT
        return counts | {"kind": "texts", "distinct": f"more than {MAX_DISTINCT}" if is_more else len(self._distinct)}


class DocumentTable:
    """A table whose first row has the names of the columns. Its first rows are stored, all are counted."""

    def __init__(self, header: Sequence[str]) -> None:
        if len(header) > MAX_COLUMNS:
            raise ValueError(f"has a table with more than {MAX_COLUMNS} columns")
        self.columns = [ColumnCounts(clean(name) or f"column {i}") for i, name in enumerate(header, 1)]
        self.kept: list[list[str]] = []
        self.rows = 0

    def add(self, row: Sequence[str]) -> None:
        """Add a row; cells beyond the header are refused, absent cells are missing."""
        if len(row) > len(self.columns) and any(map(str.strip, row[len(self.columns) :])):
            raise ValueError(
                f"is not regular: row {self.rows + 1} of a table has {len(row)} cells, its header {len(self.columns)}"
            )
        self.rows += 1
        cells = [clean(cell[:MAX_CELL_CHARACTERS]) for cell in row[: len(self.columns)]]
        for column, cell in zip(self.columns, cells, strict=False):
            if cell:
                column.add(cell)
        if len(self.kept) < MAX_KEPT_ROWS:
            self.kept.append([cell or "" for cell, _ in zip_longest(cells, self.columns)])

    def summary(self) -> dict[str, Any]:
        """Return the counts of the table, and those of each column."""
        return {"rows": self.rows, "columns": [column.summary(self.rows) for column in self.columns]}


def as_number(cell: str) -> float | None:
    """Return the number in a cell, with a decimal point or comma, None for other texts."""
    if _DECIMAL_COMMA.fullmatch(cell) and not re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+", cell):
        cell = cell.replace(",", ".")
    if not cell.strip("+-.eE,") or not _NUMBER.fullmatch(cell):
        return None
    number = float(cell.replace(",", ""))
    return number if isfinite(number) else None
