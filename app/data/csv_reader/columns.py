"""The cells of a CSV text by columns, parsed by Arrow: numbers directly, everything else as text."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from app.data.csv_reader.charset import Bytes
from app.data.csv_reader.layout import MISSING, Layout
from app.data.csv_reader.rows import BLANKS, lines_of, read_rows
from app.errors import Malformed
from app.schemas.tables import Matrix

BLOCK_BYTES = 1_048_576
SCAN_BYTES = 4_194_304
SMALL_BYTES = 262_144  # up to here threads cost more than they save
RELEASE_S, RELEASE_POLL_S = 5.0, 0.0005  # how long to wait for threads of pyarrow, and how often to look
SPARE = 1.02  # factor of the number of rows estimated from the first ones
_END = "\x1a"
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


class Parsed(NamedTuple):
    """The chosen columns of all rows."""

    groups: Sequence[Sequence[int]]
    """The positions of the columns of each matrix."""
    matrices: list[Matrix]
    """Missing numbers are NaN, and columns of text are not filled in."""
    texts: dict[int, Any]
    """The columns that were read as text, chunked arrays of bytes, by their positions."""

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.matrices[0])

    def numbers(self) -> dict[int, Matrix]:
        """Return the columns that were read as numbers."""
        return {
            source: matrix[:, position]
            for group, matrix in zip(self.groups, self.matrices, strict=True)
            for position, source in enumerate(group)
            if source not in self.texts
        }

    def filter(self, mask: Mask) -> Parsed:
        """Return some of the rows."""
        texts = {source: array.filter(pa.array(mask)) for source, array in self.texts.items()}
        return self._replace(matrices=[matrix[mask] for matrix in self.matrices], texts=texts)


class BadRow(Exception):
    """A row has another width than the header, or cannot be split into cells."""


class Matrices:
    """Matrices of the same number of rows, which is unknown until the end."""

    def __init__(self, widths: Sequence[int]) -> None:
        self._values = [np.empty((0, width)) for width in widths]
        self.rows = 0

    def extend(self, added: int, expected: int) -> list[Matrix]:
        """Return the parts for so many more rows; `expected` is the likely total."""
        start, self.rows = self.rows, self.rows + added
        for values in self._values:
            if self.rows > len(values):
                # in place: a copy would need the memory twice
                values.resize((max(self.rows, expected), values.shape[1]), refcheck=False)
        return [values[start : self.rows] for values in self._values]

    def finished(self) -> list[Matrix]:
        """Return the matrices, cut to the number of rows."""
        return [values[: self.rows] for values in self._values]


class ColumnReader:
    """Reads chosen columns of a text."""

    def __init__(self, layout: Layout, missing: Sequence[str]) -> None:
        self._layout = layout
        self._data = layout.data
        self._missing = [*MISSING, *missing]
        if len(self._data) <= SCAN_BYTES:  # each word is prepared for every column, and most do not occur
            text = bytes(self._data)
            self._missing = [word for word in self._missing if word.encode() in text]
        self._names = [str(position) for position in range(layout.width)]
        self._quotes = _count(self._data, ord('"'))
        self._block_bytes = BLOCK_BYTES

    def read(self, groups: Sequence[Sequence[int]], numeric: set[int], others: Sequence[int]) -> Parsed:
        """Read columns, the columns of a group into one matrix: those of `numeric` as numbers if all their cells are.

        `others` are read as text.

        Raise BadRow for a row of another width, Malformed for a quote that is not closed.
        """
        if self._quotes % 2:
            check_quotes(self._data, self._layout)
        attempts = [(numeric, BLOCK_BYTES)] * bool(numeric) + [(set(), BLOCK_BYTES)]
        if len(self._data) > BLOCK_BYTES:  # a row may be longer than a block
            attempts.append((set(), len(self._data) + 1))
        for chosen, block_bytes in attempts:
            self._block_bytes = block_bytes
            with suppress(pa.ArrowInvalid):
                return self._parse(groups, chosen, others)
        raise BadRow

    def empty_rows(self) -> Mask:
        """Return which rows are empty in all columns."""
        every = range(self._layout.width)
        found: list[Mask] = []
        for batch in self._batches(self._names, dict.fromkeys(self._names, pa.string())):
            filled = [pc.utf8_length(pc.ascii_trim(batch.column(i), BLANKS)) for i in every]
            found.append(np.all([each.to_numpy(zero_copy_only=False) == 0 for each in filled], axis=0))
        return np.concatenate(found)

    def _parse(self, groups: Sequence[Sequence[int]], numeric: set[int], others: Sequence[int]) -> Parsed:
        first, surplus = self._layout.first, self._layout.surplus
        chosen = sorted({position for group in [*groups, others] for position in group})
        columns = {position: i for i, position in enumerate(chosen)}
        names = [str(first + position) for position in chosen]
        number, text = pa.float64(), pa.binary()
        types = {name: number if at in numeric else text for name, at in zip(names, chosen, strict=True)}
        types |= {str(at): text for at in surplus}
        matrices = Matrices([len(group) for group in groups])
        texts: dict[int, list[Any]] = {at: [] for at in [*chosen, *(at - first for at in surplus)] if at not in numeric}
        for batch in self._batches([*names, *(str(at) for at in surplus)], types):
            expected = matrices.rows + batch.num_rows
            if not matrices.rows and len(self._data) > self._block_bytes:
                expected = int(batch.num_rows * len(self._data) / self._block_bytes * SPARE)
            parts = matrices.extend(batch.num_rows, expected)
            for group, part in zip(groups, parts, strict=True):
                into = [i for i, source in enumerate(group) if source in numeric]
                if into:
                    part[:, into if len(into) < len(group) else slice(None)] = _matrix(
                        batch, [columns[group[i]] for i in into]
                    )
            for source, chunks in texts.items():
                chunks.append(batch.column(str(first + source)))
        return Parsed(
            groups, matrices.finished(), {at: pa.chunked_array(chunks, pa.binary()) for at, chunks in texts.items()}
        )

    def _batches(self, names: Sequence[str], types: dict[str, Any]) -> Any:
        """Yield the rows in blocks; raise pyarrow.ArrowInvalid."""
        if not len(self._data):
            return
        read = csv.ReadOptions(
            column_names=self._names,
            block_size=self._block_bytes,
            use_threads=len(self._data) > SMALL_BYTES,
        )
        parse = csv.ParseOptions(delimiter=self._layout.separator, newlines_in_values=self._quotes > 0)
        convert = csv.ConvertOptions(
            column_types=types,
            include_columns=None if len(names) == len(self._names) else names,  # they take time if they are many
            null_values=self._missing,
            true_values=[],  # nothing is read as boolean here, and each list is prepared for every column
            false_values=[],
            decimal_point=self._layout.decimal or ".",
            check_utf8=False,
        )
        view, batches = memoryview(self._data), None
        try:
            with csv.open_csv(pa.py_buffer(view), read, parse, convert) as batches:
                yield from batches
        finally:
            batches = None
            _await_release(view)


def _await_release(view: memoryview) -> None:
    """Wait until no thread of pyarrow refers to the data any more.

    Such a thread releases it with the interpreter's lock. If the interpreter ends first, that aborts the process:
    https://github.com/apache/arrow/issues/34314
    """
    ends_s = time.monotonic() + RELEASE_S
    while time.monotonic() < ends_s:
        try:
            view.release()
        except BufferError:
            time.sleep(RELEASE_POLL_S)
        else:
            return


def _matrix(batch: Any, columns: list[int]) -> Any:
    """Return columns of numbers as a matrix, missing ones as NaN."""
    if columns != list(range(batch.num_columns)):
        batch = batch.select(columns)
    return batch.to_tensor(null_to_nan=True, row_major=True).to_numpy()


def check_quotes(data: Bytes, layout: Layout) -> None:
    """Raise Malformed if a quote is open at the end."""
    last = None
    for last in read_rows(chain(lines_of(data), [_END]), layout.separator, layout.line):  # noqa: B007  the last of them
        pass
    if last is not None and last.cells != [_END]:
        raise Malformed(f"line {last.line} of the CSV opens a quote that is never closed")


def _count(data: memoryview, byte: int) -> int:
    """Return how often a byte occurs; other threads may run meanwhile."""
    values = np.frombuffer(data, np.uint8)
    return sum(int(np.count_nonzero(values[i : i + SCAN_BYTES] == byte)) for i in range(0, len(values), SCAN_BYTES))
