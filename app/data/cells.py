"""Cells of any kind as the numbers of a table: texts as positions in a list, times as seconds, missing ones as NaN."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn, TypeAlias

import numpy as np

from app.data.text_doubts import find_doubt
from app.errors import Invalid
from app.schemas.columns import MAX_CATEGORIES, NUMERIC, Column, Kind
from app.schemas.parts import parts
from app.schemas.tables import Cell, Matrix

Locate: TypeAlias = Callable[[int, int], tuple[str, str]]
"""Returns the pointer to a cell and its location in words ("row 2, column 'a'") by row and the column's position."""
SHOWN = 40  # characters of a cell in an error text
SHOWN_CATEGORIES = 10
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|z|[+-]\d\d:?\d\d)?)?", re.ASCII)
PLURALS: Mapping[Kind, str] = {
    "number": "numbers",
    "integer": "numbers",
    "boolean": "truth values",
    "text": "text",
    "datetime": "times",
}


class Cells(NamedTuple):
    """A column as numbers (n,); the numbers of a text column are positions in `categories`."""

    values: Matrix
    kind: Kind
    categories: Sequence[str] = ()
    is_complete: bool = False
    """Whether it is known that no value is missing."""


class BadCell(ValueError):
    """A cell has another kind than its column."""

    def __init__(self, row: int, detail: str) -> None:
        super().__init__(detail)
        self.row = row


def from_python(values: Sequence[Cell], fitted: Column | None) -> Cells:
    """Return a column of Python's values; without a fitted column the values determine its kind. Raise BadCell."""
    types = _types(values)
    is_complete = _MISSING not in types
    kind = _kind_of(values, types) if fitted is None else fitted.kind
    match kind:
        case "number" | "integer":
            _require(values, types, (float, int), "a number")
            return Cells(_numbers(values, is_complete=is_complete), kind, is_complete=is_complete)
        case "boolean":
            truths = [None if value is None else _TRUTHS.get(value, value) for value in values]
            _require(truths, _types(truths), (bool,), "true or false")
            return Cells(_numbers(truths, is_complete=is_complete), kind, is_complete=is_complete)
        case "datetime":
            _require(values, types, (str,), "a time as RFC 3339 writes it")
            seconds = np.array([_seconds(row, value) for row, value in enumerate(values)], np.float64)
            return Cells(seconds, kind, is_complete=is_complete)
        case "text":
            _require(values, types, (str,), "text")
            return from_texts(values, fitted, is_complete=is_complete)  # type: ignore[arg-type]


def from_texts(values: Sequence[str | None], fitted: Column | None, *, is_complete: bool = False) -> Cells:
    """Return a column of texts; raise BadCell for a text that was not in the fit.

    Without a fitted column there are only some categories, and no positions, if there are more different texts than
    can be stored.
    """
    known = None if fitted is None else fitted.categories
    categories = _different(values, limited=fitted is None) if known is None else known
    if fitted is None and len(categories) > MAX_CATEGORIES:
        return Cells(np.full(len(values), np.nan), "text", categories)
    positions: dict[str | None, float] = {text: float(i) for i, text in enumerate(categories)}
    positions[None] = np.nan
    try:
        return Cells(_array(values, positions.__getitem__), "text", categories, is_complete)
    except KeyError as error:
        row = next(i for i, value in enumerate(values) if value == error.args[0])
        raise BadCell(row, unseen(error.args[0], categories)) from None


def _numbers(values: Sequence[object], *, is_complete: bool) -> Matrix:
    """Return numbers or truth values as an array, with NaN for missing ones."""
    if is_complete:
        return _joined([np.array(part, np.float64) for part in parts(values)])
    return _array(values, lambda value: np.nan if value is None else float(value))


def _array(values: Sequence[Any], number: Callable[[Any], float]) -> Matrix:
    """Return the numbers for values."""
    return _joined([np.array(list(map(number, part)), np.float64) for part in parts(values)])


def _joined(arrays: list[Matrix]) -> Matrix:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _different(values: Sequence[str | None], *, limited: bool) -> list[str]:
    """Return the different texts in order; only some if they are limited and over MAX_CATEGORIES."""
    found: set[str | None] = set()
    for part in parts(values):
        found.update(part)
        if limited and len(found) > MAX_CATEGORIES + 1:
            break
    return sorted(text for text in found if text is not None)


def unseen(text: str, categories: Sequence[str]) -> str:
    """Return the error text for a text that was not in the fit."""
    shown = ", ".join(repr(each[:SHOWN]) for each in categories[:SHOWN_CATEGORIES])
    more = ", …" if len(categories) > SHOWN_CATEGORIES else ""
    return f"{text[:SHOWN]!r} was not among the texts of the fit: {shown}{more}"


def numbers(cells: Cells, what: str, locate: Callable[[int], tuple[str, str]]) -> Matrix:
    """Return a column that must have a number in every row, such as an output; raise Invalid."""
    if cells.kind not in NUMERIC:
        doubt = find_doubt(cells.categories, cells.values) if cells.kind == "text" else None
        pointer, where = locate(doubt.row if doubt else 0)
        hint = f"; {doubt.detail}: {doubt.advice}" if doubt else ""
        raise Invalid.at(pointer, f"{where}: {what} must hold numbers, not {PLURALS[cells.kind]}{hint}")
    missing = np.flatnonzero(np.isnan(cells.values))
    if missing.size:
        pointer, where = locate(int(missing[0]))
        raise Invalid.at(pointer, f"{where}: a value is missing, {missing.size} of {len(cells.values)} in {what}")
    return cells.values


_TRUTHS: dict[object, bool] = {0.0: False, 1.0: True}  # False == 0.0 and True == 1.0 are the same keys


_MISSING = type(None)


def _types(values: Sequence[object]) -> set[type]:
    """Return the types of values."""
    found: set[type] = set()
    for part in parts(values):
        found.update(map(type, part))
    return found


def kind_of(values: Sequence[Cell]) -> Kind:
    """Return the common kind of values; raise BadCell for the first value of another kind than those before it."""
    return _kind_of(values, _types(values))


def _kind_of(values: Sequence[Cell], found: set[type]) -> Kind:
    types = found - {_MISSING}
    if not types:
        raise BadCell(0, "every value of the column is missing; leave the column out")
    if types <= {float, int}:
        return "number"
    if types == {bool}:
        return "boolean"
    if types == {str}:
        return "datetime" if all(value is None or ISO_DATE.fullmatch(str(value)) for value in values) else "text"
    first = next(value for value in values if value is not None)
    row = next(i for i, value in enumerate(values) if value is not None and type(value) is not type(first))
    raise BadCell(row, f"{_shown(values[row])} is not of the kind of the first value, {_shown(first)}")


def _require(values: Sequence[object], found: set[type], types: tuple[type, ...], what: str) -> None:
    """Raise BadCell for the first value that has another type and is not missing; `found` are the types of all."""
    if not found.issubset((*types, _MISSING)):
        row = next(i for i, value in enumerate(values) if type(value) not in (*types, _MISSING))
        raise BadCell(row, f"{_shown(values[row])} is not {what}")


def _seconds(row: int, value: Cell) -> float:
    """Return a time as seconds since 1970 in UTC; a time without an offset is in UTC."""
    if value is None:
        return float("nan")
    try:
        if not ISO_DATE.fullmatch(str(value)):
            _not_a_time(row, value)
        time = datetime.fromisoformat(str(value).replace(",", "."))
    except ValueError:
        _not_a_time(row, value)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def rfc3339(seconds: float) -> str:
    """Return a time in seconds since 1970 as RFC 3339 writes it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _not_a_time(row: int, value: Cell) -> NoReturn:
    raise BadCell(row, f"{_shown(value)} is not a time as RFC 3339 writes it")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value[:SHOWN]) if isinstance(value, str) else f"{value:g}"
