"""Data in memory, as arrays or Python's values, whose chosen columns are converted to a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isnan
from typing import NamedTuple

import msgspec
import numpy as np

from app.data.assembly import assemble
from app.data.cells import PLURALS, BadCell, Cells, Locate, from_python, numbers, rfc3339
from app.data.label_encoding import Labels, read_labels
from app.errors import Invalid
from app.model.dataframes import default_names
from app.schemas.columns import Column, Kind
from app.schemas.pointers import escaped
from app.schemas.tables import Cell, Choice, Matrix, Selection, Table
from app.schemas.tasks import Label, LabelKind


class TableRecords(msgspec.Struct, frozen=True, gc=False):
    """A table from which columns are chosen: finite numbers, or the data of a source."""

    table: Table
    names_pointer: str = "/data/columns"
    """Leads to the names in the request."""
    steps: Sequence[str | int] | None = None
    """The last step of the pointer to a cell, by the position of its column; None for the position itself."""

    def read(self, choice: Choice) -> Table:
        """Return the chosen columns; they are copied only if they are not all, in their order."""
        table = self.table if self.table.inputs is None else _tidy(self.table)
        X, kinds = table.X, table.kinds
        width = X.shape[1]
        selection = choice.select(table.inputs, width, self.names_pointer, has_y=table.y is not None)
        if selection.plain_width == width and kinds is None:
            return table
        if kinds is not None or not selection.numeric:
            chosen = self._mixed(table, selection)
        elif selection.in_order and len(selection.inputs) == width:
            chosen = Table(X)
        else:
            chosen = Table(np.ascontiguousarray(X[:, selection.inputs]))
        label = None if choice.labels is None else self._label(choice.labels)
        return with_names(chosen, table, selection, self._column, self._cells, label)

    def _mixed(self, table: Table, selection: Selection) -> Table:
        names = table.inputs or default_names("x", table.X.shape[1])
        return assemble(selection, names, len(table.X), self._read, self._locator(partial(selection.title, names)))

    def _label(self, kind: LabelKind) -> Callable[[int], Labels]:
        """Return the function that reads a column of labels."""
        names = self.table.inputs or default_names("x", self.table.X.shape[1])
        locate = self._locator(names.__getitem__)
        return lambda source: read_labels(self._cells(source), kind, lambda row: locate(row, source))

    def _locator(self, title: Callable[[int], str]) -> Locate:
        return row_locator(title, self.steps or range(self.table.X.shape[1]))

    def _read(self, source: int, fitted: Column | None) -> Cells:
        if self._kind(source) != "datetime":
            return from_python(self._cells(source), fitted)
        if fitted is not None and fitted.kind != "datetime":  # how a time was written is not known any more
            raise BadCell(0, f"the column holds times, the fit had {PLURALS[fitted.kind]}")
        seconds = self._column(source)
        return Cells(seconds, "datetime", is_complete=not np.isnan(seconds).any())

    def _kind(self, source: int) -> Kind:
        return self.table.kinds[source] if self.table.kinds else "number"

    def _cells(self, source: int) -> list[Cell]:
        """Return a column as Python's values, times as texts."""
        values: list[Cell] = [None if isnan(value) else value for value in self.table.X[:, source].tolist()]
        kind = self._kind(source)
        if kind == "datetime":
            return [None if value is None else rfc3339(float(value)) for value in values]
        if kind == "text":
            texts = self.table.categories[source]
            return [None if value is None else texts[int(value)] for value in values]
        return [None if value is None else bool(value) for value in values] if kind == "boolean" else values

    def _column(self, source: int) -> Matrix:
        return self.table.X[:, source].copy()


class ColumnRecords(NamedTuple):
    """Columns of Python's values, all of one length, with y and weights."""

    columns: Sequence[Sequence[Cell]]
    names: list[str] | None
    names_pointer: str
    steps: Sequence[str | int]
    """The last step of the pointer to a cell, by the position of its column."""
    y: Matrix | None = None
    weight: Matrix | None = None
    classes: list[Label] | None = None
    """The labels to which the positions in y refer."""

    def read(self, choice: Choice) -> Table:
        """Return the chosen columns; the others are not read."""
        width = len(self.steps)
        beside = _tidy(Table(np.empty((0, width)), self.y, self.names, weight=self.weight, labels=self.classes))
        selection = choice.select(beside.inputs, width, self.names_pointer, has_y=self.y is not None)
        names = beside.inputs or default_names("x", width)
        locate = row_locator(partial(selection.title, names), self.steps)
        chosen = assemble(selection, names, len(self.columns[0]), self._read, locate)

        def column(source: int) -> Matrix:
            return numbers(self._read(source, None), repr(names[source]), lambda row: locate(row, source))

        def label(source: int) -> Labels:
            return read_labels(self.columns[source], choice.labels or "any", lambda row: locate(row, source))

        return with_names(chosen, beside, selection, column, self._cells, label if choice.labels else None)

    def _read(self, source: int, fitted: Column | None) -> Cells:
        return from_python(self.columns[source], fitted)

    def _cells(self, source: int) -> list[Cell]:
        return list(self.columns[source])


def row_locator(title: Callable[[int], str], steps: Sequence[str | int]) -> Locate:
    """Return the function that locates a cell of /data/X; `title` returns the name of a column."""

    def locate(row: int, column: int) -> tuple[str, str]:
        return f"/data/X/{row}{escaped(steps[column])}", f"row {row}, column {title(column)!r}"

    return locate


def _tidy(table: Table) -> Table:
    """Return a table without blanks around column names, as in CSV."""
    if table.inputs is None:
        return table
    outputs = None if table.outputs is None else [name.strip() for name in table.outputs]
    return msgspec.structs.replace(table, inputs=[name.strip() for name in table.inputs], outputs=outputs)


def with_names(
    chosen: Table,
    data: Table,
    selection: Selection,
    column: Callable[[int], Matrix],
    cells: Callable[[int], list[Cell]],
    label: Callable[[int], Labels] | None = None,
) -> Table:
    """Return the chosen inputs with their names, and with y and the weights, given separately or as columns.

    `label` reads a column of y if y is labels.
    """
    names = data.inputs
    if names is None and len(selection.inputs) < data.X.shape[1]:
        names = default_names("x", data.X.shape[1])
    chosen.named = data.inputs is not None and data.named
    if names is not None:
        chosen.inputs = [names[source] for source in selection.inputs]
        taken = {*selection.inputs, *selection.outputs}
        chosen.unused = [name for source, name in enumerate(names) if source not in taken]
    chosen.y, chosen.outputs, chosen.weight, chosen.labels = data.y, data.outputs, data.weight, data.labels
    if selection.inputs_only:
        return chosen
    if selection.outputs:
        if data.y is not None:
            raise Invalid.at("/target", "the outputs are given twice: as columns, and as y")
        _take_outputs(chosen, selection.outputs, column, label)
        chosen.outputs = None if names is None else [names[source] for source in selection.outputs]
    if selection.weight is not None:
        if data.weight is not None:
            raise Invalid.at("/weight", "the weights are given twice: as a column, and as sample_weight")
        chosen.weight = column(selection.weight)
    if selection.kept and names is not None:
        chosen.kept = {names[source]: cells(source) for source in selection.kept}
    return chosen


def _take_outputs(
    chosen: Table,
    sources: Sequence[int],
    column: Callable[[int], Matrix],
    label: Callable[[int], Labels] | None,
) -> None:
    """Read y from columns: one of labels, or any number of numbers."""
    if label is None:
        outputs = [column(source) for source in sources]
        chosen.y = outputs[0] if len(outputs) == 1 else np.column_stack(outputs)
    elif len(sources) > 1:
        raise Invalid.at("/target", f"a classifier has one target; these are {len(sources)}")
    else:
        chosen.y, chosen.labels = label(sources[0])
