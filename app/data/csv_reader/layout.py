"""The layout of a CSV text, detected from its first lines: the separator, the decimal sign, the header, the rows."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from app.data.csv_reader.charset import Bytes, not_utf8
from app.data.csv_reader.options import CsvOptions
from app.data.csv_reader.rows import BLANKS, Row, collapse_blanks, count_lines, read_rows
from app.errors import Invalid
from app.model.dataframes import default_names

HEAD_BYTES = 65_536
MAX_HEAD_BYTES = 4 * 1024 * 1024  # of the first lines: cells are split in Python there, once for each separator
MAX_ROWS = 500  # of the first lines
CANDIDATES = (",", ";", "\t", "|", " ")
_MISSING = ("NA", "N/A", "NaN", "null", "#N/A", "<NA>")
MISSING = frozenset({"", "-", *_MISSING, *map(str.lower, _MISSING), *map(str.upper, _MISSING), "Null", "Nan"})
"""Cells that mean a missing number, truth value or time."""
NUMBER = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
_POINT = re.compile(NUMBER, re.ASCII)
_COMMA = re.compile(NUMBER.replace("[.]", ","), re.ASCII)
_EITHER = re.compile(NUMBER.replace("[.]", "[.,]"), re.ASCII)
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[ \t,;]*(\r\n|\r|\n|$)', re.IGNORECASE)


class Layout(NamedTuple):
    """The positions of a CSV text's cells. Positions of columns do not count the row names."""

    body: Bytes
    separator: str
    decimal: str | None
    """None if the first lines have no fraction."""
    names: list[str]
    offset: int
    """The bytes before the first row of data."""
    line: int
    """The number of its first line."""
    width: int
    """The cells of a row."""
    numeric: frozenset[int] = frozenset()
    """The positions of the columns that have only numbers in the first lines."""
    has_row_names: bool = False
    """Whether the first cell of each row is the row's name and not a column."""
    unnamed: bool = False
    """Whether the names are defaults, because there is no header."""

    @property
    def data(self) -> memoryview:
        """The text below the header."""
        return memoryview(self.body)[self.offset :]

    @property
    def first(self) -> int:
        """The position of the first column in a row."""
        return int(self.has_row_names)

    @property
    def surplus(self) -> range:
        """The positions in a row of the cells after the last column; all of them are empty."""
        return range(self.first + len(self.names), self.width)


def find_layouts(body: Bytes, options: CsvOptions) -> list[Layout]:
    """Return the layout of UTF-8 text, and a second layout without header if the first row has only numbers.

    Raise Malformed, or Invalid with a pointer.
    """
    head, complete = _head(body)
    marked = _SEPARATOR_LINE.match(head)
    start = marked.end() if marked else 0
    separator = options.separator or (marked[1] if marked else _find_separator(head, complete=complete))
    if separator == " ":
        body = collapse_blanks(body)
        head, complete = _head(body)
    rows = _rows(head, start, separator, complete=complete)
    if not rows:
        raise Invalid.at("/data/X", "the CSV is empty; it needs a header and at least one row")
    layout = Layout(body, separator, options.decimal or _find_decimal(rows, separator), [], 0, 1, 0)
    if options.header is False:
        return [_without_header(layout, rows, head[:start])]
    may_be_data = options.header is None and all(map(is_number, rows[0].cells))
    if len(rows) == 1 and complete and not may_be_data:
        raise no_rows(body)
    try:
        found = [_with_header(layout, rows[0], rows[1:], head[: start + rows[0].end])]
    except Invalid:
        if not may_be_data:
            raise
        found = []
    return [*found, _without_header(layout, rows, head[:start])] if may_be_data else found


def no_rows(body: Bytes) -> Invalid:
    """Return the error for a table without rows."""
    fault = "the CSV has a header but no rows"
    if len(body) <= HEAD_BYTES and not {10, 13} & set(body):
        fault = f"{fault}: it is all one line. -d @FILE of curl takes the line ends out; use --data-binary @FILE"
    return Invalid.at("/data/X", fault)


def width_fault(row: int, line: int, width: int, expected: int) -> Invalid:
    """Return the error for a row of another width than the header's."""
    cells = "1 cell" if width == 1 else f"{width} cells"
    return Invalid.at(f"/data/X/{row}", f"line {line} has {cells}, the header names {expected}")


def _head(body: Bytes) -> tuple[str, bool]:
    """Return the first lines, at least two if they exist, and whether these are all; raise Invalid."""
    size = HEAD_BYTES
    while True:
        head = bytes(body[:size])
        complete = size >= len(body)
        if b"\0" in head:
            raise not_utf8(head)
        if not complete:
            head = head[: max(head.rfind(b"\n"), head.rfind(b"\r", 0, -1)) + 1]
        text = head.decode("utf-8", "surrogateescape")
        if complete or count_lines(text) > 1:
            return text, complete
        if size >= MAX_HEAD_BYTES:
            raise Invalid.at("/data/X", f"the first lines of the CSV are over {MAX_HEAD_BYTES} bytes, the limit")
        size *= 8


def _rows(head: str, start: int, separator: str, *, complete: bool) -> list[Row]:
    """Return the first rows that are not empty, without the last one if it may continue after the head."""
    rows: list[Row] = []
    for row in read_rows(io.StringIO(head[start:], newline=""), separator, 1 + count_lines(head[:start])):
        if not row.is_empty:
            rows.append(row)
        if len(rows) > MAX_ROWS:
            break
    return rows if complete or len(rows) <= 2 else rows[:-1]  # noqa: PLR2004  the header and one row


def _find_separator(head: str, *, complete: bool) -> str:
    """Return the separator with rows as wide as the header, and with the most numbers."""
    found = {separator: _fitness(head, separator, complete=complete) for separator in CANDIDATES}
    best = max(CANDIDATES, key=lambda separator: found[separator])
    return best if found[best][0] else CANDIDATES[0]


def _fitness(head: str, separator: str, *, complete: bool) -> tuple[bool, float, float, int]:
    """Return whether a separator is possible, and how well it fits: higher is better."""
    rows = [row.cells for row in _rows(head, 0, separator, complete=complete)]
    if separator == " ":
        rows = [[cell for cell in row if cell.strip()] for row in rows]
    if not rows:
        return False, 0, 0, 0
    header, others = rows[0], rows[1:]
    cells = [cell for row in others for cell in row]
    numeric = sum(map(is_number, cells)) / max(1, len(cells))
    alike = sum(_may_belong(row, header) for row in others) / max(1, len(others))
    if len(header) == 1:  # below names of rows
        possible = bool(others) and all(len(row) == 2 and is_number(row[1]) for row in others)  # noqa: PLR2004
        return possible, alike / 2, numeric, 1
    possible = separator != " " or (alike > 0.5 and numeric > 0)  # noqa: PLR2004  blanks are in names and texts, too
    return possible, alike, numeric, len(header)


def _may_belong(row: Sequence[str], header: Sequence[str]) -> bool:
    return len(header) <= len(row) <= len(header) + 1 or len(_stripped(row)) <= len(header) < len(row)


def _find_decimal(rows: Sequence[Row], separator: str) -> str | None:
    """Return the decimal sign in the first rows; None if there are no fractions."""
    if separator == ",":
        return "."
    cells = [cell.strip() for row in rows for cell in row.cells]
    if any("." in cell and _POINT.fullmatch(cell) for cell in cells):
        return "."
    return "," if any("," in cell and _COMMA.fullmatch(cell) for cell in cells) else None


def _without_header(layout: Layout, rows: Sequence[Row], above: str) -> Layout:
    """Return the layout of rows without a header."""
    width = len(rows[0].cells)
    names = default_names("x", max(len(_stripped(row.cells)) for row in rows if len(row.cells) == width))
    layout = layout._replace(names=names, offset=_size(above), line=1 + count_lines(above), width=width, unnamed=True)
    return layout._replace(numeric=_numeric(layout, rows))


def _with_header(layout: Layout, header: Row, rows: Sequence[Row], above: str) -> Layout:
    """Return the layout of rows below a header; raise Invalid for columns without names."""
    names = [name.strip() for name in _stripped(header.cells)]
    width = _width(header, len(names), rows)
    used = max((len(_stripped(row.cells)) for row in rows if len(row.cells) == width), default=width)
    beginnings = [row.cells[0].strip() for row in rows if len(row.cells) == width]
    # as written by pandas and R's write.csv: a column without a name, all of its cells different
    named_rows = not names[0] and len(names) > 1 and len(set(beginnings)) == len(beginnings)
    # R's write.table has no name for them
    has_row_names = named_rows or (len(header.cells) == len(names) == used - 1 and _are_row_names(beginnings))
    columns = names[1:] if named_rows else names
    _check_names(columns, start=int(named_rows))
    if used > len(columns) + has_row_names and len(header.cells) > len(names):
        raise Invalid.at(f"/data/columns/{len(names)}", f"the CSV header leaves column {len(names) + 1} without a name")
    if width < len(columns) + has_row_names or used > len(columns) + has_row_names:
        row = next(i for i, row in enumerate(rows) if len(row.cells) == width)
        raise width_fault(row, rows[row].line, width, len(names))
    line = 1 + count_lines(above)
    layout = layout._replace(names=columns, offset=_size(above), line=line, width=width, has_row_names=has_row_names)
    return layout._replace(numeric=_numeric(layout, rows))


def _numeric(layout: Layout, rows: Sequence[Row]) -> frozenset[int]:
    """Return the positions of the columns with only numbers and empty cells."""
    cells = {cell for row in rows for cell in row.cells[layout.first :]}  # many columns may repeat a few cells
    texts = {cell for cell in cells if not (is_number(cell) or cell.strip(BLANKS) in MISSING)}
    odd = {
        position
        for row in (rows if texts else ())
        for position, cell in enumerate(row.cells[layout.first :])
        if cell in texts
    }
    return frozenset(set(range(len(layout.names))) - odd)


def _are_row_names(cells: Sequence[str]) -> bool:
    """Whether cells are the names of rows: all different, texts or ascending whole numbers."""
    if all(cell.isdecimal() for cell in cells):
        return len(cells) > 1 and all(int(a) < int(b) for a, b in pairwise(cells))
    return len(set(cells)) == len(cells) and not all(map(is_number, cells))


def _width(header: Row, named: int, rows: Sequence[Row]) -> int:
    """Return the number of cells of a row: that of the header if any row has as many, else that of most rows."""
    widths = Counter(len(row.cells) for row in rows)
    for width in (len(header.cells), named):
        if width in widths or not widths:
            return width
    return widths.most_common(1)[0][0]


def _check_names(names: Sequence[str], start: int) -> None:
    """Raise unless all names are text, not empty and unique; `start` cells precede them."""
    seen: set[str] = set()
    for position, name in enumerate(names):
        if name.isascii() is False and any("\udc80" <= sign <= "\udcff" for sign in name):
            raise not_utf8(name.encode("utf-8", "surrogateescape"))
        if not name or name in seen:
            column = start + position + 1
            fault = f"names column {name[:64]!r} twice" if name else f"leaves column {column} without a name"
            advice = f"give column {column} {'another' if name else 'a'} name, or take it out of the file"
            raise Invalid.at(f"/data/columns/{position}", f"the CSV header {fault}; {advice}")
        seen.add(name)


def _stripped(cells: Sequence[str]) -> Sequence[str]:
    """Return the cells up to the last non-empty one."""
    end = len(cells)
    while end and not cells[end - 1].strip(BLANKS):
        end -= 1
    return cells[:end]


def is_number(cell: str) -> bool:
    """Whether a cell is a number, with either decimal sign."""
    return _EITHER.fullmatch(cell.strip(BLANKS)) is not None


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
