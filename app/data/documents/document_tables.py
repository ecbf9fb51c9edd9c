"""The tables of a document: their first rows are stored, all rows are counted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

from app.data.documents.cleaning import clean, clean_all

MAX_KEPT_ROWS = 1_000  # of a table; its summary covers all rows
MAX_KEPT_CHARACTERS = 10_000_000  # after which no further row is kept
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
        self._least = self._largest = 0.0
        self._first = self._last = ""  # of the dates
        self._is_number = self._is_date = True
        self._distinct: set[str] = set()

    def add(self, cell: str) -> None:
        """Count a cell that is not empty."""
        self.filled += 1
        if cell in self._distinct:  # it changes nothing else
            return
        if self._is_number:
            number = as_number(cell)
            if number is None:
                self._is_number = False
            elif self.filled == 1:
                self._least = self._largest = number
            elif number < self._least:
                self._least = number
            elif number > self._largest:
                self._largest = number
        if self._is_date:
            if _DATE.fullmatch(cell) is None:
                self._is_date = False
            else:
                self._first = min(self._first or cell, cell)
                self._last = max(self._last, cell)
        if len(self._distinct) <= MAX_DISTINCT:
            self._distinct.add(cell)

    def summary(self, rows: int) -> dict[str, Any]:
        """Return the number of filled cells, and the range of numbers and dates, or the number of different texts."""
        counts = {"name": self.name, "filled": self.filled, "missing": rows - self.filled}
        if not self.filled:
            return counts | {"kind": "empty"}
        if self._is_number or self._is_date:
            least, largest = (self._least, self._largest) if self._is_number else (self._first, self._last)
            return counts | {"kind": "numbers" if self._is_number else "dates", "min": least, "max": largest}
        is_more = len(self._distinct) > MAX_DISTINCT
        return counts | {"kind": "texts", "distinct": f"more than {MAX_DISTINCT}" if is_more else len(self._distinct)}


class DocumentTable:
    """A table whose first row has the names of the columns. Its first rows are stored, all are counted."""

    def __init__(self, header: Sequence[str], *, grows: bool = False) -> None:
        """One that `grows` gets columns for all cells of longer rows, others refuse these."""
        self.columns: list[ColumnCounts] = []
        self.kept: list[list[str]] = []
        self.rows = 0
        self._grows = grows
        self._kept_characters = 0
        self._add_columns(header)

    def add(self, row: Sequence[str]) -> None:
        """Add a row; cells beyond the header are refused, absent cells are missing."""
        if len(row) > len(self.columns):
            self._take_longer(row)
        self.rows += 1
        cells = clean_all(row[: len(self.columns)], MAX_CELL_CHARACTERS)
        for column, cell in zip(self.columns, cells, strict=False):
            if cell:
                column.add(cell)
        if len(self.kept) < MAX_KEPT_ROWS and self._kept_characters <= MAX_KEPT_CHARACTERS:
            self._kept_characters += sum(map(len, cells))
            self.kept.append([*cells, *[""] * (len(self.columns) - len(cells))])

    def _take_longer(self, row: Sequence[str]) -> None:
        """Add columns for a row, or refuse it if there is something in its cells beyond the header."""
        if self._grows:
            self._add_columns([""] * (len(row) - len(self.columns)))
        elif any(map(str.strip, row[len(self.columns) :])):
            raise ValueError(
                f"is not regular: row {self.rows + 1} of a table has {len(row)} cells, its header {len(self.columns)}"
            )

    def _add_columns(self, names: Sequence[str]) -> None:
        check_width(len(self.columns) + len(names))
        for name in names:
            self.columns.append(ColumnCounts(clean(name[:MAX_CELL_CHARACTERS]) or f"column {len(self.columns) + 1}"))
        for row in self.kept:
            row.extend([""] * len(names))

    def summary(self) -> dict[str, Any]:
        """Return the counts of the table, and those of each column."""
        return {"rows": self.rows, "columns": [column.summary(self.rows) for column in self.columns]}


def check_width(cells: int) -> None:
    """Raise ValueError for a row with too many cells."""
    if cells > MAX_COLUMNS:
        raise ValueError(f"has a table with more than {MAX_COLUMNS} columns")


def as_number(cell: str) -> float | None:
    """Return the number in a cell, with a decimal point or comma, None for other texts."""
    if cell.isascii() and cell.isdigit():  # most numbers
        number = float(cell)
        return number if isfinite(number) else None
    if _DECIMAL_COMMA.fullmatch(cell) and not re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+", cell):
        cell = cell.replace(",", ".")
    if not cell.strip("+-.eE,") or not _NUMBER.fullmatch(cell):
        return None
    number = float(cell.replace(",", ""))
    return number if isfinite(number) else None
