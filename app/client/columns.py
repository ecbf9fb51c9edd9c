"""Converts all forms of X to columns: frames, dicts of columns, lists of dicts, arrays and lists of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.model.dataframes import column_names, names_of, refuse_sparse
from app.schemas.wording import counted


class Columns(NamedTuple):
    """Columns by position, converted only when they are read, and their names if they have any."""

    rows: int
    width: int
    read: Callable[[int], NDArray[Any]]
    names: list[str] | None = None


def collected(values: Any) -> Any:
    """Return the frame of a lazy frame, and X itself otherwise."""
    return values.collect() if hasattr(values, "collect") and hasattr(values, "lazy") else values


def columns_of(X: Any) -> Columns | None:
    """Return the columns of X; None for an array of numbers, and for objects without columns.

    Raise ValueError for rows or columns that do not match, TypeError for sparse data.
    """
    refuse_sparse(X, "X")
    named = named_columns(X)
    if named is not None:
        return _of_mapping(named)
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        columns = X.iloc if hasattr(X, "iloc") else X
        return Columns(len(X), len(X.columns), lambda position: _array(columns[:, position]), column_names(X))
    if isinstance(X, Sequence) and len(X) and all(isinstance(row, list | tuple) for row in X):
        return _of_rows(X)
    return _of_array(X if isinstance(X, np.ndarray) else np.asarray(X)) if hasattr(X, "__array__") else None


def named_columns(X: Any) -> Mapping[Any, Any] | None:
    """Return the columns of a dict, a list of dicts, a structured array or a table of Arrow; None for anything else."""
    if isinstance(X, Mapping):
        return X
    if isinstance(X, Sequence) and len(X) and isinstance(X[0], Mapping):
        return _of_records(X)
    if isinstance(X, np.ndarray) and X.dtype.names:
        return {name: X[name] for name in X.dtype.names}
    if hasattr(X, "column_names") and hasattr(X, "columns"):
        return dict(zip(X.column_names, X.columns, strict=True))
    return None


def _of_mapping(columns: Mapping[Any, Any]) -> Columns:
    lists = list(columns.values())
    for name, values in columns.items():
        if isinstance(values, str) or not hasattr(values, "__len__"):
            raise ValueError(f"column {name!r} is not a list of values but of the type {type(values).__name__}")
        if len(values) != len(lists[0]):
            first = next(iter(columns))
            found = counted(len(values), "value")
            raise ValueError(f"column {name!r} has {found}, column {first!r} has {len(lists[0])}")
    rows = len(lists[0]) if lists else 0
    return Columns(rows, len(lists), lambda position: _array(lists[position]), names_of(columns))


def _of_records(records: Sequence[Any]) -> dict[Any, list[Any]]:
    names = list(records[0])
    for row, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise TypeError(f"row {row} is not a dict as the first one is, but of the type {type(record).__name__}")
        if odd := set(names).symmetric_difference(record):
            shown = ", ".join(sorted(map(repr, odd)))[:200]
            raise ValueError(f"row {row}: its names are not those of the first row; they differ in {shown}")
    return {name: [record[name] for record in records] for name in names}


def _of_array(X: NDArray[Any]) -> Columns | None:
    """Return the columns of an array of objects, texts or times; an array of truth values is one of 0 and 1."""
    if X.dtype.kind not in "OUSM" or X.ndim != 2:  # noqa: PLR2004 - a matrix
        return None
    return Columns(len(X), X.shape[1], lambda position: _array(X[:, position]))


def _of_rows(rows: Sequence[Sequence[Any]]) -> Columns | None:
    """Return the columns of rows that hold more than numbers; None for numbers, and if it is not a matrix."""
    width = len(rows[0])
    for row, cells in enumerate(rows):
        if len(cells) != width:
            raise ValueError(f"row {row} has {counted(len(cells), 'value')}, the first row has {width}")
    types = set(map(type, chain.from_iterable(rows)))
    numbers = all(issubclass(each, int | float | np.number) and each is not bool for each in types)
    if numbers or any(issubclass(each, list | tuple | np.ndarray) for each in types):
        return None
    return Columns(len(rows), width, lambda position: _array([row[position] for row in rows]))


def _array(values: Any) -> NDArray[Any]:
    """Return a column as an array (n,); lists keep the type of each value."""
    if isinstance(values, np.ma.MaskedArray):
        cells: NDArray[Any] = np.ma.getdata(values).astype(object)
        cells[np.ma.getmaskarray(values)] = None
        return cells
    if isinstance(values, list | tuple):
        return np.fromiter(values, object, len(values))
    array: NDArray[Any] = np.asarray(values)
    return array if array.ndim == 1 else np.fromiter(values, object, len(values))
