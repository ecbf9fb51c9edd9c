"""Convert arrays, lists and data frames to float64, and find the names of columns, also for error texts.

Neither pandas nor polars is imported: the attributes of a frame and its column types are enough.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MISSING = ("NAType", "NaTType")  # pandas' types of missing values


def as_float(values: Any, name: str) -> Array:
    """Convert X or y to float64; ValueError for complex numbers, times and missing values, TypeError otherwise."""
    refuse_sparse(values, name)
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    for position, dtype in _column_types(values):
        if held := _temporal_kind(dtype):
            raise not_numbers(_column_title(values, position, name), held)
    array = np.asarray(values)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{name} has the type {array.dtype}.")
    if held := _temporal_kind(array.dtype):  # numpy would convert it to its count of ticks
        raise not_numbers(name, held)
    try:
        return array.astype(np.float64, copy=False)
    except OverflowError:
        raise ValueError(f"Input {name} contains infinity or a value too large for dtype('float64').") from None
    except (TypeError, ValueError):
        _raise_for_column(values, array, name)
        raise


def refuse_sparse(values: Any, name: str) -> None:
    """Raise TypeError for a sparse matrix."""
    if hasattr(values, "toarray") or type(values).__module__.startswith("scipy.sparse"):
        raise TypeError(
            f"Sparse data was passed for {name}, but dense data is required. Use '.toarray()' to convert it."
        )


def column_names(X: Any) -> list[str] | None:
    """Return the names of a data frame's columns if all are strings; TypeError for mixed types or several levels."""
    return names_of(getattr(X, "columns", ()))


def names_of(labels: Iterable[Any]) -> list[str] | None:
    """Return the labels of columns if all are strings, None if all are numbers; raise as `column_names` does."""
    columns = list(labels)
    if columns and all(isinstance(name, str) for name in columns):
        return columns
    if not any(isinstance(name, str | tuple) for name in columns):  # numbers: a frame's own default names
        return None
    kinds = sorted({type(name).__name__ for name in columns})
    raise TypeError(
        "Feature names are only supported if all input features have string names, but your input has "
        f"{kinds} as feature name / column name types. Convert them all to strings, "
        "by X.columns = X.columns.astype(str) for example; several levels have to be joined into one."
    )


def default_names(letter: str, count: int) -> list[str]:
    """Return the default names of columns: x for one, x1, x2, … for several."""
    return [letter] if count == 1 else [f"{letter}{i}" for i in range(1, count + 1)]


def _column_types(values: Any) -> Iterator[tuple[int, Any]]:
    """Yield position and type of each column of a frame, or of a series."""
    if hasattr(values, "columns") and hasattr(values, "dtypes"):
        yield from enumerate(values.dtypes)
    elif not isinstance(values, np.ndarray) and hasattr(values, "dtype"):
        yield 0, values.dtype


def _temporal_kind(dtype: Any) -> str | None:
    """Return "timedeltas" or "datetimes" for a type of numpy, pandas or polars that holds such values."""
    kind, text = getattr(dtype, "kind", None), str(dtype)
    if kind == "m" or text.startswith("Duration"):
        return "timedeltas"
    temporal = getattr(dtype, "is_temporal", None)  # a method of polars' types
    if kind == "M" or text.startswith("period[") or (callable(temporal) and temporal()):
        return "datetimes"
    return None


def _raise_for_column(values: Any, array: NDArray[Any], name: str) -> None:
    """Raise a ValueError that names the column of the first value that is missing, a time, or text."""
    for index, value in np.ndenumerate(array):
        where = _column_title(values, index[-1] if len(index) > 1 else 0, name)
        if type(value).__name__ in MISSING:
            raise ValueError(f"Input {name} contains NaN: {where} has missing values.") from None
        if isinstance(value, dt.date | dt.time | np.datetime64):
            raise not_numbers(where, "datetimes") from None
        if isinstance(value, dt.timedelta | np.timedelta64):
            raise not_numbers(where, "timedeltas") from None
        if isinstance(value, str) and not _is_number(value):
            raise not_numbers(where, "text") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _column_title(values: Any, position: int, name: str) -> str:
    """Return a column's name for an error text: by name in a frame, else by position; y has only one."""
    columns = getattr(values, "columns", None)
    if columns is not None:
        return f"column {list(columns)[position]!r}"
    return name if name == "y" else f"column {position}"


def not_numbers(where: str, held: str) -> ValueError:
    """Return the error for a column with values of an unsupported type."""
    return ValueError(f"{where} holds {held}; give numbers")
