"""Converts the y of a classifier for requests: texts, whole numbers, or truth values in lists, arrays or frames."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.client.columns import collected, named_columns
from app.client.dataframes import to_targets
from app.model.label_arrays import as_labels
from app.schemas.tasks import Task


def to_labels(y: Any) -> NDArray[Any]:
    """Return y (n,) as an array of labels, all of one type; raise ValueError for other shapes and missing labels."""
    y = collected(y)
    if (named := named_columns(y)) is not None:
        y = np.column_stack([_values(column) for column in named.values()])
    elif hasattr(y, "columns") and hasattr(y, "dtypes"):
        y = np.column_stack([_values(y[name]) for name in y.columns])
    return as_labels(_values(y))


def to_y(y: Any, task: Callable[[], Task | None]) -> NDArray[Any]:
    """Return y as numbers or labels for a model; its `task` is requested only if y may be either.

    The task is None for an unknown model: then y is labels if it cannot be numbers.
    """
    if np.asarray(_values(collected(y))).dtype.kind not in "OUb":
        return to_targets(y)
    found = task()
    if found is None:
        with suppress(ValueError):
            return to_targets(y)
    return to_targets(y) if found == "regression" else to_labels(y)


def from_answer(values: list[Any]) -> NDArray[Any]:
    """Return numbers or labels of an answer as an array; whole numbers that no type of numpy keeps stay Python's."""
    found: NDArray[Any] = np.asarray(values)
    if found.dtype.kind == "f" and any(type(value) is int for value in values):
        return np.array(values, dtype=object)
    return found


def _values(y: Any) -> Any:
    """Return values of any kind; those of lists and categories keep their own types."""
    if isinstance(y, list | tuple) and not any(isinstance(each, list | tuple | np.ndarray) for each in y):
        return np.fromiter(y, object, len(y))
    found: NDArray[Any] = np.asarray(y)
    return found
