"""The rows of a CSV text one by one, in Python: for its first rows, and for the location of a fault."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from app.data.csv_reader.charset import Bytes
from app.errors import Malformed

BLANKS = " \t\r\n\f\v"
"""Characters around a cell that are ignored."""
MAX_CELL = 2**31 - 1  # the csv module's own limit is 128 KiB
_BLANKS = re.compile(r'("(?:[^"]|"")*")|[ \t]+')


class Row(NamedTuple):
    """A row with its position: its first line, from 1, and the characters up to its end."""

    cells: list[str]
    line: int
    end: int

    @property
    def is_empty(self) -> bool:
        """Whether it has only separators and blanks."""
        return not any(cell.strip(BLANKS) for cell in self.cells)


def read_rows(lines: Iterable[str], separator: str, line: int = 1) -> Iterator[Row]:
    """Yield all rows, including empty ones; `line` is the number of the first. Raise Malformed."""
    end = 0

    def counted() -> Iterator[str]:
        nonlocal end
        for each in lines:
            end += len(each)
            yield each

    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(counted(), delimiter=separator)
    begins = line
    try:
        for cells in reader:
            yield Row(cells, begins, end)
            begins = line + reader.line_num
    except csv.Error as error:
        raise Malformed(f"line {begins} of the CSV cannot be read: {error}") from None


def without_empty_rows(body: Bytes, separator: str) -> bytes:
    """Return the text without rows of only separators and blanks, of any width."""
    kept, pending = bytearray(), list[str]()

    def noted() -> Iterator[str]:
        for line in lines_of(body):
            pending.append(line)
            yield line

    for row in read_rows(noted(), separator):
        if not row.is_empty:
            kept += "".join(pending).encode("utf-8", "surrogateescape")
        pending.clear()
    return bytes(kept)


def lines_of(body: Bytes) -> Iterator[str]:
    """Yield the lines of UTF-8 text with their ends: LF, CRLF or CR."""
    return iter(
        io.TextIOWrapper(io.BufferedReader(_Stream(body)), encoding="utf-8", errors="surrogateescape", newline="")
    )


class _Stream(io.RawIOBase):
    """Bytes as a stream, without a copy of them all."""

    def __init__(self, body: Bytes) -> None:
        self._body = memoryview(body)
        self._at = 0

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Write the next bytes into the buffer, and return how many."""
        part = self._body[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


def count_lines(text: str) -> int:
    """Return the number of lines, the last of which may have no end."""
    return sum(1 for _ in io.StringIO(text, newline=""))


def collapse_blanks(body: Bytes) -> bytes:
    """Return blank-separated text with one blank between cells and none around a line, except within quotes."""
    made = bytearray()
    for line in lines_of(body):
        text = line.rstrip("\r\n")
        cells = _BLANKS.sub(lambda found: found[1] or " ", text).strip(" ")
        made += (cells + line[len(text) :]).encode("utf-8", "surrogateescape")
    return bytes(made)
