"""CSV files as tables of numbers: a header of names, then rows of finite floats."""

from __future__ import annotations

import csv
import io
import re
from typing import NamedTuple

import numpy as np

from app.errors import Invalid, Malformed
from app.schemas import Matrix, Table

_BAD_CELL = re.compile(r"could not convert string '(?P<text>.*)' to float64 at row (?P<row>\d+), column (?P<column>\d+)", re.S)
_BAD_WIDTH = re.compile(r"number of columns changed from (?P<first>\d+) to (?P<other>\d+) at row (?P<row>\d+)")


class Columns(NamedTuple):
    """A CSV file as read: the names of its columns, and their values (rows, columns)."""

    names: list[str]
    values: Matrix


def read_csv(raw: bytes) -> Columns:
    """Read UTF-8 with or without BOM, LF or CRLF, names quoted or not; raise Malformed or Invalid."""
    try:
        text = io.StringIO(raw.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise Malformed(f"the CSV is not UTF-8 (byte {error.start})") from None
    names = _header(text)
    values = _values(text, names)
    bad = np.argwhere(~np.isfinite(values))
    if bad.size:
        row, column = (int(i) for i in bad[0])
        raise _at(row, column, f"row {row + 1}, column {names[column]!r}: {values[row, column]} is not a finite number")
    return Columns(names, values)


def _header(text: io.StringIO) -> list[str]:
    try:
        # strict: an unclosed quote is an error, and not one cell that swallows the file
        names = [name.strip() for name in next(csv.reader(iter(text.readline, ""), strict=True), [])]
    except csv.Error as error:
        raise Malformed(f"the CSV header can't be read: {error}") from None
    if not any(names):
        raise Invalid.at("/data/X", "the CSV is empty; it needs a header and at least one row")
    seen: set[str] = set()
    for position, name in enumerate(names):
        if not name or name in seen:
            fault = f"names column {name!r} twice" if name else f"leaves column {position + 1} without a name"
            raise Invalid.at(f"/data/columns/{position}", f"the CSV header {fault}")
        seen.add(name)
    return names


def _values(text: io.StringIO, names: list[str]) -> Matrix:
    start = text.tell()
    if not text.read().strip():
        raise Invalid.at("/data/X", "the CSV has a header but no rows")
    text.seek(start)
    try:
        # a generator, so that other threads get their turn between lines: loadtxt itself never lets go of the GIL
        values = np.loadtxt((line for line in text), delimiter=",", quotechar='"', comments=None, ndmin=2, dtype=np.float64)
    except ValueError as error:
        raise _explain(str(error), names) from None
    if values.shape[1] != len(names):
        raise Invalid.at("/data/X/0", f"the header names {len(names)} columns, the rows have {values.shape[1]}")
    return values


def _explain(message: str, names: list[str]) -> Invalid | Malformed:
    """Turn numpy's words for a bad cell or row into ours, with a pointer."""
    if cell := _BAD_CELL.search(message):
        row, column = int(cell["row"]), int(cell["column"]) - 1
        name = names[column] if column < len(names) else str(column + 1)
        return _at(row, column, f"row {row + 1}, column {name!r}: {cell['text'][:40]!r} is not a number")
    if width := _BAD_WIDTH.search(message):
        row = int(width["row"]) - 1
        return Invalid.at(f"/data/X/{row}", f"row {row + 1} has {width['other']} cells, the first has {width['first']}")
    return Malformed("the CSV can't be read")


def _at(row: int, column: int, detail: str) -> Invalid:
    return Invalid.at(f"/data/X/{row}/{column}", detail)


def split(columns: Columns, target: list[str]) -> Table:
    """Return the table whose outputs are the columns named in `target`, and whose inputs are all others."""
    for name in target:
        if name not in columns.names:
            raise Invalid.at("/target", f"no column {name!r}; the CSV has {', '.join(map(repr, columns.names))}")
    outputs = [columns.names.index(name) for name in target]
    inputs = [i for i in range(len(columns.names)) if i not in outputs]
    if not inputs:
        raise Invalid.at("/target", "every column is a target; at least one must be an input")
    y = columns.values[:, outputs]
    return Table(
        X=np.ascontiguousarray(columns.values[:, inputs]),
        y=y[:, 0].copy() if len(outputs) == 1 else y,
        inputs=[columns.names[i] for i in inputs],
        outputs=list(target),
    )
