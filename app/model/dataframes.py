"""Arrays, lists and data frames made into float64: how their columns are called, and which of them hold no numbers.

Neither pandas nor polars is imported: their columns are known by what they say of themselves.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MISSING = ("NAType", "NaTType")  # pandas' words for nothing


def as_float(values: Any, name: str) -> Array:
    """Bring X or y to float64; ValueError for complex numbers, dates, durations and missing values, TypeError else."""
    if hasattr(values, "toarray") or type(values).__module__.startswith("scipy.sparse"):
        raise TypeError(
            f"Sparse data was passed for {name}, but dense data is required. Use '.toarray()' to convert it."
        )
    for place, dtype in _kinds(values):
        if held := _times(dtype):
            raise _not_numbers(_where(values, place, name), held)
    array = np.asarray(values)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{name} has the type {array.dtype}.")
    if held := _times(array.dtype):  # numpy would give the ticks of its clock
        raise _not_numbers(name, held)
    try:
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        _explain(values, array, name)
        raise


def column_names(X: Any) -> list[str] | None:
    """Return the names of a data frame's columns when all are strings; TypeError for some strings, several levels."""
    columns = list(getattr(X, "columns", ()))
    if columns and all(isinstance(name, str) for name in columns):
        return columns
    if not any(isinstance(name, str | tuple) for name in columns):  # numbers, mostly those that a frame gives itself
        return None
    kinds = sorted({type(name).__name__ for name in columns})
    raise TypeError(
        "Feature names are only supported if all input features have string names, but your input has "
        f"{kinds} as feature name / column name types. Convert them all to strings, "
        "by X.columns = X.columns.astype(str) for example; several levels have to be joined into one."
    )


def _kinds(values: Any) -> Iterator[tuple[int, Any]]:
    """Give the place and type of each column of a frame, or of a series as if it were one."""
    if hasattr(values, "columns") and hasattr(values, "dtypes"):
        yield from enumerate(values.dtypes)
    elif not isinstance(values, np.ndarray) and hasattr(values, "dtype"):
        yield 0, values.dtype


def _times(dtype: Any) -> str | None:
    """Return what a type of numpy, pandas or polars holds when it is points or lengths of time."""
    kind, text = getattr(dtype, "kind", None), str(dtype)
    if kind == "m" or text.startswith("Duration"):
        return "timedeltas"
    temporal = getattr(dtype, "is_temporal", None)  # a method of polars' types
    if kind == "M" or text.startswith("period[") or (callable(temporal) and temporal()):
        return "datetimes"
    return None


def _explain(values: Any, array: NDArray[Any], name: str) -> None:
    """Raise a ValueError that names the column of the first value that is nothing, a time, or text of no number."""
    for place, value in np.ndenumerate(array):
        where = _where(values, place[-1] if len(place) > 1 else 0, name)
        if type(value).__name__ in MISSING:
            raise ValueError(f"Input {name} contains NaN: {where} has missing values.") from None
        if isinstance(value, dt.date | dt.time | np.datetime64):
            raise _not_numbers(where, "datetimes") from None
        if isinstance(value, dt.timedelta | np.timedelta64):
            raise _not_numbers(where, "timedeltas") from None
        if isinstance(value, str) and not _is_number(value):
            raise _not_numbers(where, "text") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _where(values: Any, place: int, name: str) -> str:
    """Return how people know a column: by its name in a frame, by its place in rows; y has but one."""
    columns = getattr(values, "columns", None)
    if columns is not None:
        return f"column {list(columns)[place]!r}"
    return name if name == "y" else f"column {place}"


def _not_numbers(where: str, held: str) -> ValueError:
    return ValueError(f"{where} holds {held}; give numbers")
