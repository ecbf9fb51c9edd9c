"""Reads the chosen columns of a CSV text as a table; errors have line and column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from app.data.assembly import assemble
from app.data.cells import SHOWN, BadCell, Cells, from_python, numbers
from app.data.csv_reader.charset import not_utf8
from app.data.csv_reader.columns import BadRow, ColumnReader, Parsed
from app.data.csv_reader.kinds import TextColumn, are_blank, as_they_came, finite, trimmed
from app.data.csv_reader.layout import Layout, no_rows, width_fault
from app.data.csv_reader.options import CsvOptions
from app.data.csv_reader.rows import Row, lines_of, read_rows, without_empty_rows
from app.data.csv_reader.thousands import doubtful_columns
from app.data.label_encoding import Labels, encode_cells, refusal
from app.data.records import with_names
from app.errors import Fault, Invalid, Malformed
from app.schemas.columns import NUMERIC, Column
from app.schemas.tables import Cell, Matrix, Selection, Table
from app.schemas.tasks import LabelKind

TEXT = Column("", "text")


def read_table(layout: Layout, selection: Selection, options: CsvOptions, labels: LabelKind | None = None) -> Table:
    """Return the selected columns, y as `labels` if given; raise Invalid with pointers, or Malformed."""
    others = [*selection.outputs, *([] if selection.weight is None else [selection.weight])]
    fitted = dict(zip(selection.inputs, selection.columns, strict=True))
    if labels == "text":  # digits as well
        fitted |= dict.fromkeys(selection.outputs, TEXT)
    numeric = {at for at in [*selection.inputs, *others] if _may_be_numbers(at, fitted.get(at), layout)}
    numeric -= set(selection.kept)
    places = Places(layout, selection)
    groups = [selection.inputs, others]
    is_doubtful = options.decimal is None and None in selection.columns
    missing = options.missing
    try:
        reader = ColumnReader(layout, missing)
        parsed = reader.read(groups, numeric, selection.kept)
    except BadRow:
        data = without_empty_rows(layout.data, layout.separator)
        reader = ColumnReader(layout._replace(body=data, offset=0), missing)
        try:
            parsed = reader.read(groups, numeric, selection.kept)
        except BadRow:
            raise places.bad_row() from None
    if is_doubtful and (doubtful := doubtful_columns(parsed, layout)):
        parsed = reader.read(groups, numeric - doubtful, selection.kept)  # doubtful columns are judged by their text
    if parsed.rows and (found := _without_empty_rows(parsed, reader)):
        parsed = found
    if not parsed.rows:
        raise no_rows(layout.body)
    return Reading(layout, selection, parsed, places, missing, labels, is_doubtful=is_doubtful).table()


def _may_be_numbers(position: int, fitted: Column | None, layout: Layout) -> bool:
    return fitted.kind in NUMERIC if fitted else position in layout.numeric


def _without_empty_rows(parsed: Parsed, reader: ColumnReader) -> Parsed | None:
    """Return the rows in which any column is not empty; None if all rows are."""
    empty = np.ones(parsed.rows, np.bool_)
    for column in parsed.numbers().values():
        empty &= np.isnan(column)
        if not empty.any():
            return None
    for array in parsed.texts.values():
        empty &= are_blank(array)
    if not empty.any():
        return None
    empty &= reader.empty_rows()
    return parsed.filter(~empty) if empty.any() else None


class Places:
    """Locates rows and cells."""

    def __init__(self, layout: Layout, selection: Selection) -> None:
        self._layout = layout
        self._title = partial(selection.title, layout.names)
        self._outputs = list(selection.outputs)
        self._found: list[int] = []

    def locate(self, row: int, column: int) -> tuple[str, str]:
        """Return the pointer to a cell in the equivalent JSON, and its line and column in words."""
        where = f"line {self.line(row)}, column {self._title(column)!r}"
        if column in self._outputs:
            several = f"/{self._outputs.index(column)}" if len(self._outputs) > 1 else ""
            return f"/data/y/{row}{several}", where
        return f"/data/X/{row}/{column - sum(output < column for output in self._outputs)}", where

    def line(self, row: int) -> int:
        """Return the line at which a row begins."""
        if len(self._found) <= row:
            self._found = [each.line for each in islice(self._rows(), 2 * row + 1)]
        return self._found[min(row, len(self._found) - 1)]

    def bad_row(self) -> Invalid | Malformed:
        """Return the error for the first row of another width."""
        width = self._layout.width
        expected = len(self._layout.names) + self._layout.first
        for position, row in enumerate(self._rows()):
            if len(row.cells) != width:
                return width_fault(position, row.line, len(row.cells), expected)
        return Malformed("the CSV cannot be read: its quotes do not enclose whole cells")

    def surplus(self, row: int) -> Invalid:
        """Return the error for a row with cells after the last column."""
        return width_fault(row, self.line(row), self._layout.width, len(self._layout.names) + self._layout.first)

    def _rows(self) -> Iterator[Row]:
        rows = read_rows(lines_of(self._layout.data), self._layout.separator, self._layout.line)
        return (row for row in rows if not row.is_empty)


class Reading:
    """Builds a table."""

    def __init__(
        self,
        layout: Layout,
        selection: Selection,
        parsed: Parsed,
        places: Places,
        missing: Sequence[str],
        labels: LabelKind | None = None,
        *,
        is_doubtful: bool,
    ) -> None:
        self._layout = layout
        self._selection = selection
        self._parsed = parsed
        self._places = places
        self._missing = missing
        self._labels = labels
        self._is_doubtful = is_doubtful
        self._inputs = frozenset(selection.inputs)
        self._numbers: dict[int, Cells] = {}
        for group, matrix in zip(parsed.groups, parsed.matrices, strict=True):
            # a sum is finite if every number is, unless the sum exceeds the range of floats
            with np.errstate(all="ignore"):
                complete = np.isfinite(matrix.sum(axis=0)).tolist()
            for source, values, is_complete in zip(group, matrix.T, complete, strict=True):
                if source not in parsed.texts:
                    self._numbers[source] = Cells(values, "number", is_complete=is_complete)

    def table(self) -> Table:
        """Return the table; raise Invalid with all columns that cannot be used."""
        layout, selection = self._layout, self._selection
        for at in layout.surplus:
            filled = ~are_blank(self._parsed.texts[at - layout.first])
            if filled.any():
                raise self._places.surplus(int(filled.argmax()))
        faults: list[Fault] = []
        beside: dict[int, Matrix] = {}
        labels: dict[int, Labels] = {}
        for source in self._parsed.groups[1]:
            try:
                if self._labels and source in selection.outputs:
                    labels[source] = self._label(source, self._labels)
                else:
                    beside[source] = self._beside(source)
            except Invalid as error:
                faults += error.faults
        chosen = assemble(
            selection,
            layout.names,
            self._parsed.rows,
            self._input,
            self._places.locate,
            self._parsed.matrices[0],
            faults,
        )
        named = Table(np.empty((0, len(layout.names))), inputs=layout.names, named=not layout.unnamed)
        label = labels.__getitem__ if self._labels else None
        if layout.has_row_names and None in selection.columns:
            chosen.warnings.append("the first column of the CSV has no name, and was left out as the names of its rows")
        return with_names(chosen, named, selection, beside.__getitem__, self._kept, label)

    def _input(self, source: int, fitted: Column | None) -> Cells:
        """Return a column of X."""
        cells = self._cells(source, fitted)
        if fitted is None and not cells.is_complete and not cells.categories and np.isnan(cells.values).all():
            from_python([None], None)  # raises the error for a column without values
        return cells

    def _beside(self, source: int) -> Matrix:
        """Return a column of y or of weights."""
        locate = self._places.locate
        try:
            cells = self._cells(source, None)
        except BadCell as error:
            pointer, where = locate(error.row, source)
            raise Invalid.at(pointer, f"{where}: {error}") from None
        return np.ascontiguousarray(numbers(cells, repr(self._layout.names[source]), lambda row: locate(row, source)))

    def _label(self, source: int, kind: LabelKind) -> Labels:
        """Return a column of labels."""

        def locate(row: int) -> tuple[str, str]:
            return self._places.locate(row, source)

        try:
            cells = self._cells(source, None if kind == "any" else Column("", kind))
            if cells.kind == "datetime":
                cells = self._cells(source, TEXT)
        except BadCell as error:
            cell = self._texts(source)[error.row].as_py()
            detail = f"{cell[:SHOWN]!r} is no label like the others" if cell else "the label is missing"
            raise refusal(error.row, detail, kind, locate) from None
        return encode_cells(cells, kind, locate)

    def _cells(self, source: int, fitted: Column | None) -> Cells:
        found = self._numbers.get(source)
        if found is not None:
            return found if found.is_complete else finite(found.values)
        is_free = fitted is None and source in self._inputs
        way_out = f", or leave the column out (ignore={self._layout.names[source]})" if is_free else ""
        column = TextColumn(self._texts(source), self._missing, self._layout.decimal, way_out, self._is_doubtful)
        return column.cells(fitted)

    def _kept(self, source: int) -> list[Cell]:
        return as_they_came(self._texts(source))

    def _texts(self, source: int) -> Any:
        try:
            return trimmed(self._parsed.texts[source])
        except UnicodeError:
            raise not_utf8(self._layout.body) from None
