"""What readers make of a document: paragraphs, headings and tables, within bounds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import zip_longest
from math import isfinite
from typing import Any, NamedTuple

MAX_CHARACTERS = 110_000_000
MAX_KEPT_ROWS = 1_000  # of a table, in the new document; its summary is of all
MAX_COLUMNS = 1_000
MAX_DISTINCT = 1_000
MAX_CELL_CHARACTERS = 10_000

_GONE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\ud800-\udfff]")
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_BROKEN_WORD = re.compile(r"(?<=[^\W\d_])[-\u2010]\n\s*(?=[^\W\d_])(?=[^A-Z])")
_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ][\d:.+Z-]*)?")


class Paragraph(NamedTuple):
    """Some text; with a level from 1 to 6 it is a heading."""

    text: str
    level: int = 0


class Column:
    """What is counted of a column while its cells come."""

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
        """Return how many cells are filled, and the range of numbers and dates, or how many texts differ."""
        counts = {"name": self.name, "filled": self.filled, "missing": rows - self.filled}
        if not self.filled:
            return counts | {"kind": "empty"}
        if self._is_number or self._is_date:
            least, largest = self._numbers if self._is_number else self._dates
            return counts | {"kind": "numbers" if self._is_number else "dates", "min": least, "max": largest}
        is_more = len(self._distinct) > MAX_DISTINCT
        return counts | {"kind": "texts", "distinct": f"more than {MAX_DISTINCT}" if is_more else len(self._distinct)}


class Table:
    """A table whose first row names the columns. Its first rows are kept, all are counted."""

    def __init__(self, header: Sequence[str]) -> None:
        if len(header) > MAX_COLUMNS:
            raise ValueError(f"a table has more than {MAX_COLUMNS} columns")
        self.columns = [Column(clean(name) or f"column {i}") for i, name in enumerate(header, 1)]
        self.kept: list[list[str]] = []
        self.rows = 0

    def add(self, row: Sequence[str]) -> None:
        """Take a row; cells beyond the header are refused, those that it lacks are missing."""
        if len(row) > len(self.columns) and any(map(str.strip, row[len(self.columns) :])):
            raise ValueError(f"row {self.rows + 1} of a table has {len(row)} cells, its header {len(self.columns)}")
        self.rows += 1
        cells = [clean(cell[:MAX_CELL_CHARACTERS]) for cell in row[: len(self.columns)]]
        for column, cell in zip(self.columns, cells, strict=False):
            if cell:
                column.add(cell)
        if len(self.kept) < MAX_KEPT_ROWS:
            self.kept.append([cell or "" for cell, _ in zip_longest(cells, self.columns)])

    def summary(self) -> dict[str, Any]:
        """Return the counts, and those of each column."""
        return {"rows": self.rows, "columns": [column.summary(self.rows) for column in self.columns]}


class Content:
    """Paragraphs and tables in the order of the document."""

    def __init__(self) -> None:
        self.blocks: list[Paragraph | Table] = []
        self.pages: int | None = None
        self.characters = 0

    def add(self, text: str, level: int = 0) -> None:
        """Take a paragraph or a heading; words that were broken at the end of a line are joined."""
        if cleaned := clean(text):
            self.characters += len(cleaned)
            if self.characters > MAX_CHARACTERS:
                raise ValueError(f"holds more than {MAX_CHARACTERS} characters of text")
            self.blocks.append(Paragraph(cleaned, level))

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Take a table that was read whole; one without a row below its header is text."""
        if len(rows) > 1:
            width = max(map(len, rows))
            table = Table([*rows[0], *[""] * (width - len(rows[0]))])
            for row in rows[1:]:
                table.add(row)
            self.blocks.append(table)
        else:
            for row in rows:
                self.add(" ".join(row))

    @property
    def tables(self) -> list[Table]:
        """The tables."""
        return [block for block in self.blocks if isinstance(block, Table)]

    @property
    def texts(self) -> list[str]:
        """The paragraphs, the headings, and the cells that are kept of tables."""
        return [
            text
            for block in self.blocks
            for text in ([block.text] if isinstance(block, Paragraph) else [cell for row in block.kept for cell in row])
        ]


def clean(text: str) -> str:
    """Return text in Unicode's composed form, without control characters, ligatures and runs of white space."""
    text = _BROKEN_WORD.sub("", text)
    text = _LIGATURE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), _GONE.sub("", text))
    return " ".join(unicodedata.normalize("NFC", text).split())


def as_number(cell: str) -> float | None:
    """Return the number that a cell shows, with a decimal point or comma, None for other texts."""
    if _DECIMAL_COMMA.fullmatch(cell) and not re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+", cell):
        cell = cell.replace(",", ".")
    if not cell.strip("+-.eE,") or not _NUMBER.fullmatch(cell):
        return None
    number = float(cell.replace(",", ""))
    return number if isfinite(number) else None
