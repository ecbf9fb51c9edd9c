"""CSV files as tables of numbers: a header of names, then rows of finite floats."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from itertools import islice

import numpy as np

from app.errors import Invalid, Malformed
from app.schemas.requests import Matrix, Table

_BAD_CELL = re.compile(
    r"could not convert string (?P<text>.*) to float64 at row (?P<row>\d+), column (?P<column>\d+)\.?$", re.DOTALL
)
_BAD_WIDTH = re.compile(r"number of columns changed from (?P<first>\d+) to (?P<other>\d+) at row (?P<row>\d+)")


def read_csv(raw: bytes, target: Sequence[str] = ()) -> Table:
    """Read UTF-8 with or without BOM, LF or CRLF, names quoted or not; the columns in `target` are the outputs.

    Raises Malformed, or Invalid with the pointer that the value would have in the same request as JSON.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"the CSV is not UTF-8 (byte {error.start})") from None
    stream = io.StringIO(text, newline="")
    names = _header(stream)
    outputs = _positions(target, names)
    return split(names, _Body(names, outputs, stream).values(), target)


def _header(text: io.StringIO) -> list[str]:
    try:
        # strict: an unclosed quote is an error, instead of one cell that takes the rest of the file
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


class _Body:
    """The rows below the header, and the error texts for a bad one."""

    def __init__(self, names: list[str], outputs: list[int], stream: io.StringIO) -> None:
        self._names = names
        self._outputs = outputs
        self._stream = stream
        self._start = stream.tell()

    def values(self) -> Matrix:
        """Return the values (rows, columns), all finite."""
        if not any(line.strip() for line in self._stream):
            raise Invalid.at("/data/X", "the CSV has a header but no rows")
        self._stream.seek(self._start)
        try:
            # a generator gives other threads their turn between lines: loadtxt itself never releases the GIL
            lines = (line for line in self._stream)
            values = np.loadtxt(lines, delimiter=",", quotechar='"', comments=None, ndmin=2, dtype=np.float64)
        except ValueError as error:
            raise self._explained(str(error)) from None
        if values.shape[1] != len(self._names):
            raise Invalid.at(
                "/data/X/0", f"the header names {len(self._names)} columns, the rows have {values.shape[1]}"
            )
        bad = np.argwhere(~np.isfinite(values))
        if bad.size:
            row, column = (int(i) for i in bad[0])
            raise self._bad_cell(row, column, f"{values[row, column]} is not a finite number")
        return values

    def _explained(self, message: str) -> Invalid | Malformed:
        """Turn numpy's error about a bad cell or row into ours."""
        if cell := _BAD_CELL.search(message):
            return self._bad_cell(int(cell["row"]), int(cell["column"]) - 1, f"{cell['text'][:40]} is not a number")
        if width := _BAD_WIDTH.search(message):
            row = int(width["row"]) - 1
            detail = f"line {self._line(row)} has {width['other']} cells, the first row has {width['first']}"
            return Invalid.at(f"/data/X/{row}", detail)
        return Malformed("the CSV can't be read")

    def _bad_cell(self, row: int, column: int, what: str) -> Invalid:
        name = self._names[column] if column < len(self._names) else str(column + 1)
        if column not in self._outputs:
            pointer = f"/data/X/{row}/{column - sum(output < column for output in self._outputs)}"
        else:
            pointer = f"/data/y/{row}" + (f"/{self._outputs.index(column)}" if len(self._outputs) > 1 else "")
        return Invalid.at(pointer, f"line {self._line(row)}, column {name!r}: {what}")

    def _line(self, row: int) -> int:
        """Return the number, from 1, of the line of a row; blank lines are not rows."""
        text = self._stream.getvalue()
        above = text.count("\n", 0, self._start) or text.count("\r", 0, self._start)
        self._stream.seek(self._start)
        filled = (number for number, line in enumerate(self._stream, above + 1) if line.rstrip("\r\n"))
        return next(islice(filled, row, None))


def _positions(target: Sequence[str], names: list[str]) -> list[int]:
    """Return the positions of the targets among the names; raise Invalid."""
    for name in target:
        if name not in names:
            raise Invalid.at("/target", f"no column {name[:64]!r}; the CSV has {', '.join(map(repr, names))[:500]}")
    if len(set(target)) < len(target):
        raise Invalid.at("/target", "a column is named twice")
    if len(target) == len(names):
        raise Invalid.at("/data/X", "every column is a target; at least one must be an input")
    return [names.index(name) for name in target]


def split(names: list[str], values: Matrix, target: Sequence[str]) -> Table:
    """Make a table of the values (rows, columns) of columns with these names: those in `target` are outputs."""
    if not target:
        return Table(values, inputs=names)
    outputs = _positions(target, names)
    inputs = [i for i in range(len(names)) if i not in outputs]
    y = values[:, outputs]
    return Table(
        X=np.ascontiguousarray(values[:, inputs]),
        y=y[:, 0].copy() if len(outputs) == 1 else y,
        inputs=[names[i] for i in inputs],
        outputs=list(target),
    )
