"""The values of a column in JSON: numbers, texts, truth values, times as RFC 3339, null for missing values."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.model.dataframes import MISSING, Array, not_numbers

Cell = float | str | bool | None


class OddCell(TypeError):
    """A value has a type that no column can hold."""


def column_cells(values: NDArray[Any], title: str) -> NDArray[Any]:
    """Return a column (n,) as float64, where NaN is a missing value, or as objects that JSON can represent.

    Raise ValueError for timedeltas, times of day and complex numbers, TypeError for other objects.
    """
    kind = values.dtype.kind
    if kind in "iuf":
        return values.astype(np.float64, copy=False)
    if kind in "bU":
        return values.astype(object)
    if kind == "M":
        return _times(values)
    if kind == "O":
        return _objects(values, title)
    raise _unusable(values.dtype.type, title)


def _times(values: NDArray[Any]) -> NDArray[Any]:
    """Return numpy's times as RFC 3339 in UTC, like those of pandas and polars; days as dates."""
    unit = np.datetime_data(values.dtype)[0]
    if unit in {"Y", "M", "W", "D"}:
        texts = np.datetime_as_string(values.astype("datetime64[D]")).astype(object)
    else:
        texts = np.datetime_as_string(values.astype("datetime64[us]"), timezone="UTC").astype(object)
    texts[np.isnat(values)] = None
    return texts


def _objects(values: NDArray[Any], title: str) -> NDArray[Any]:
    types = set(map(type, values))
    if types <= {str, type(None)} and str in types:
        return values
    if types <= {float, int}:
        return _numbers(values)
    cells: list[Cell] = []
    for row, value in enumerate(values):
        try:
            cells.append(_cell(value, title))
        except OddCell as error:
            raise TypeError(f"row {row}, {title}: {error}") from None
    held = set(map(type, cells)) - {type(None)}
    return _numbers(cells) if held <= {float, int} else np.fromiter(cells, object, len(cells))


def _numbers(values: Iterable[Any]) -> Array:
    """Return numbers and None as float64; a whole number beyond its range becomes infinite, which is refused later."""
    listed = [math.nan if value is None else value for value in values]
    try:
        return np.array(listed, dtype=np.float64)
    except OverflowError:
        return np.array([_float(value) for value in listed])


def _cell(value: Any, title: str) -> Cell:
    """Return a value of any type as a JSON value."""
    if value is None or type(value).__name__ in MISSING:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, dt.date | np.datetime64):
        return _time(value)
    return _number(value, title)


def _time(value: dt.date | np.datetime64) -> str | None:
    if isinstance(value, np.datetime64):
        text: str | None = _times(np.array([value]))[0]
        return text
    if not isinstance(value, dt.datetime):
        return value.isoformat()
    utc = value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    return f"{utc.isoformat()}Z"


def _number(value: Any, title: str) -> float | None:
    if isinstance(value, dt.timedelta | np.timedelta64 | dt.time | complex | np.complexfloating | bytes):
        raise _unusable(type(value), title)
    if isinstance(value, Integral):
        return int(value)
    if not hasattr(value, "__float__") or isinstance(value, np.ndarray):
        raise OddCell(f"argument must be a string or a real number, not {type(value).__name__!r}")
    number = _float(value)
    return None if math.isnan(number) else number


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _unusable(kind: type, title: str) -> ValueError:
    if issubclass(kind, complex | np.complexfloating):
        return ValueError(f"Complex data not supported\n{title} holds complex numbers.")
    for types, held in (((dt.timedelta, np.timedelta64), "timedeltas"), ((dt.time,), "times of day")):
        if issubclass(kind, types):
            return not_numbers(title, held)
    return not_numbers(title, "bytes" if issubclass(kind, bytes) else kind.__name__)
