"""The data of a JSON body as a table, decoded piece by piece, so that no step holds the interpreter's lock for long."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, cast

import msgspec
import numpy as np

from app.data.label_encoding import Labels, read_labels
from app.data.records import ColumnRecords, TableRecords
from app.errors import Invalid
from app.schemas.bodies import NO_JSON, Data
from app.schemas.decoding import json_decoder
from app.schemas.parts import Parts
from app.schemas.tables import Cell, Choice, Matrix, Rows, Table, Targets
from app.schemas.tasks import Label, LabelKind
from app.schemas.wording import counted
from app.serve.bodies.json_duplicates import refuse_duplicates
from app.serve.bodies.json_outline import Arrays
from app.serve.bodies.json_pieces import decoded, decoded_pieces

MEMBERS = re.compile("/data/(X|y|sample_weight)")
"""The pointers to the arrays of a body that may be long."""
FEW_ROWS = 16  # up to so many rows np.array is faster
_decode_numbers: Callable[[bytes], Rows] = json_decoder(  # type: ignore[assignment]
    list[list[float] | dict[str, float]]
).decode
_decode_cells = json_decoder(Rows).decode
_targets_decoder = json_decoder(Targets)
_labels_decoder = json_decoder(list[Cell])
_weights_decoder = json_decoder(list[float])
_NULL = msgspec.Raw(b"null")


def is_given(value: msgspec.Raw) -> bool:
    """Whether a member is present and not null."""
    return value not in (NO_JSON, _NULL)


class JsonRecords(msgspec.Struct, gc=False):
    """The member `data` of a body, with the pieces of its long arrays by their pointers."""

    data: Data
    arrays: Arrays

    def read(self, choice: Choice) -> Table:
        """Return the chosen columns; raise Invalid, or Malformed."""
        data = self.data
        rows = _RowReader(data.columns)
        pieces = self.arrays.get("/data/X")
        if pieces is None:
            decoded(rows.add, bytes(data.X), "/data/X")
        else:
            deque(decoded_pieces(rows.add, pieces, "/data/X"), maxlen=0)
        if not rows.count:
            raise Invalid.at("/data/X", "X is empty; it needs at least one row")
        y: Matrix | None = None
        classes: list[Label] | None = None
        if is_given(data.y):
            if choice.labels is None:
                y = self._numbers()
            else:
                y, classes = self._labels(choice.labels)
        weight = None if data.sample_weight is None else self._weight(data.sample_weight)
        return rows.read(choice, y, weight, classes)

    def _numbers(self) -> Matrix:
        if "/data/y" not in self.arrays:
            return _outputs(decoded(_targets_decoder.decode, bytes(self.data.y), "/data/y"))
        arrays: list[Matrix] = []
        for first, items in decoded_pieces(_targets_decoder.decode, self.arrays["/data/y"], "/data/y"):
            arrays.append(_outputs(cast("Targets", items), first))
            if arrays[-1].shape[1:] != arrays[0].shape[1:]:
                raise Invalid.at(f"/data/y/{first}", "this item is not of the same kind or width as the first one")
        return _stacked(arrays)

    def _labels(self, kind: LabelKind) -> Labels:
        labels: Parts[Cell] = Parts()
        if "/data/y" in self.arrays:
            for _, items in decoded_pieces(_labels_decoder.decode, self.arrays["/data/y"], "/data/y"):
                labels.tuples.append(tuple(items))
        else:
            labels.tuples.append(tuple(decoded(_labels_decoder.decode, bytes(self.data.y), "/data/y")))
        if not len(labels):
            raise Invalid.at("/data/y", "y is empty")
        try:
            return read_labels(labels, kind)
        finally:
            labels.clear()

    def _weight(self, weight: list[float]) -> Matrix:
        if "/data/sample_weight" not in self.arrays:
            return np.array(weight, np.float64)
        pieces = self.arrays["/data/sample_weight"]
        weights = decoded_pieces(_weights_decoder.decode, pieces, "/data/sample_weight")
        return np.concatenate([np.array(items, np.float64) for _, items in weights])


class _RowReader:
    """Collects rows, as arrays as long as they contain only numbers."""

    count = 0
    _pointer = "/data/columns"
    """Leads to the names."""
    _kind: type[list[Cell] | dict[str, Cell]] | None = None
    """The kind of all rows, which the first row determines."""
    _steps: Sequence[str | int] = ()
    _columns: list[Parts[Cell]] | None = None

    def __init__(self, columns: list[str] | None) -> None:
        self._names = columns
        self._matrices: list[Matrix] = []

    def add(self, text: bytes) -> Rows:
        """Decode an array of rows and return them; raise Invalid, or what the decoder raises."""
        try:  # rows of only numbers are decoded in a fifth less time
            rows, numeric = _decode_numbers(text), self._columns is None
        except msgspec.ValidationError:
            rows, numeric = _decode_cells(text), False
        if rows:
            kind = self._kind or self._begin(rows[0])
            width = len(self._steps)
            _check_alike(kind, width, rows, "/data/X", self.count)
            lists: list[list[Cell]] = rows if kind is list else self._in_order(rows, text)  # type: ignore[assignment]
            if numeric:
                self._matrices.append(_matrix(lists, width))
            else:
                self._add_cells(lists)
            self.count += len(rows)
        return rows

    def read(
        self, choice: Choice, y: Matrix | None, weight: Matrix | None, classes: list[Label] | None = None
    ) -> Table:
        """Return the chosen columns of all rows, with y: numbers, or the positions of `classes`."""
        names = self._names
        if self._columns is None:
            table = Table(_stacked(self._matrices), y, names, weight=weight, labels=classes)
            return TableRecords(table, self._pointer, self._steps).read(choice)
        try:
            return ColumnRecords(self._columns, names, self._pointer, self._steps, y, weight, classes).read(choice)
        finally:
            for column in self._columns:
                column.clear()

    def _in_order(self, rows: Rows, text: bytes) -> list[list[Cell]]:
        """Return named rows as lists in the order of the names."""
        names = cast("list[str]", self._names)
        lists = _in_order(cast("list[dict[str, Cell]]", rows), names, self.count)
        refuse_duplicates(text, lambda: len(rows) * len(names), root="/data/X", first=self.count)
        return lists

    def _begin(self, row: list[Cell] | dict[str, Cell]) -> type[list[Cell] | dict[str, Cell]]:
        """Take names and width from the first row, or compare them with it; return its kind."""
        self._kind = kind = type(row)
        if not row:
            raise Invalid.at("/data/X/0", "the row is empty")
        if isinstance(row, dict):
            if self._names is None:
                self._names, self._pointer = list(row), "/data/X/0"
            self._steps = self._names
            _check_names(self._names, len(self._names), self._pointer)
        else:
            self._steps = range(len(row))
            if self._names is not None:
                _check_names(self._names, len(row), self._pointer)
        return kind

    def _add_cells(self, lists: list[list[Cell]]) -> None:
        if self._columns is None:
            self._columns = [Parts() for _ in self._steps]
            for matrix in self._matrices:
                self._add_columns(map(tuple, matrix.T.tolist()))
            self._matrices.clear()
        self._add_columns(zip(*lists, strict=True))

    def _add_columns(self, columns: Iterable[tuple[Cell, ...]]) -> None:
        for parts, cells in zip(self._columns or (), columns, strict=True):
            parts.tuples.append(cells)


def _check_names(names: list[str], width: int, pointer: str) -> None:
    if len(names) != width:
        raise Invalid.at(pointer, f"{counted(len(names), 'name')} for {counted(width, 'column')}")
    seen: set[str] = set()
    for position, name in enumerate(each.strip() for each in names):
        if not name or name in seen:
            fault = f"the name {name[:64]!r} is given twice" if name else "a column has an empty name"
            raise Invalid.at(f"{pointer}/{position}", fault)
        seen.add(name)


def _outputs(y: Targets, first: int = 0) -> Matrix:
    if not y:
        raise Invalid.at("/data/y", "y is empty")
    if not isinstance(y[0], list):
        _check_alike(float, 0, y, "/data/y", first)
        return np.array(y, dtype=np.float64)
    if not y[0]:
        raise Invalid.at(f"/data/y/{first}", "the row is empty")
    _check_alike(list, len(y[0]), y, "/data/y", first)
    return _matrix(cast("list[list[Cell]]", y), len(y[0]))


def _check_alike(kind: type, width: int, items: Sequence[Any], pointer: str, first: int) -> None:
    """Raise Invalid unless all items are of the kind of the first one of all, and arrays of its width."""
    if set(map(type, items)) != {kind}:
        index = next(i for i, item in enumerate(items) if type(item) is not kind)
        fault = "this item is not of the same kind as the first one (array, object or number)"
        raise Invalid.at(f"{pointer}/{first + index}", fault)
    if kind is list and set(map(len, items)) != {width}:
        index = next(i for i, item in enumerate(items) if len(item) != width)
        fault = f"the row has {counted(len(items[index]), 'value')}, the first has {width}"
        raise Invalid.at(f"{pointer}/{first + index}", fault)


def _in_order(rows: list[dict[str, Cell]], names: list[str], first: int) -> list[list[Cell]]:
    """Return the cells of named rows in the order of the names."""
    expected = set(names)
    for index, row in enumerate(rows):
        if row.keys() != expected:
            odd = ", ".join(sorted(expected.symmetric_difference(row)))[:200]
            raise Invalid.at(
                f"/data/X/{first + index}", f"the row's names are not those expected; they differ in {odd}"
            )
    return [[row[name] for name in names] for row in rows]


def _matrix(rows: Sequence[Sequence[Cell]], width: int) -> Matrix:
    """Return rows of equal length as an array; the decoder has checked that all values are finite numbers."""
    if len(rows) < FEW_ROWS:
        return np.array(rows, dtype=np.float64)
    numbers = cast("Iterator[float]", chain.from_iterable(rows))
    return np.fromiter(numbers, np.float64, count=len(rows) * width).reshape(len(rows), width)


def _stacked(arrays: Sequence[Matrix]) -> Matrix:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
