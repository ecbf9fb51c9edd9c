"""Convert X and y (arrays, lists, pandas and polars data frames) to float64 without importing pandas or polars.

The checks and their messages are those of the models themselves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from app.model.dataframes import Array, column_names
from app.model.validation import as_rows, check_pair, limits


class Rows(NamedTuple):
    """X (n, p), finite, and the names of its columns if it had names."""

    X: Array
    names: list[str] | None = None


def to_rows_and_targets(X: Any, y: Any) -> tuple[Rows, Array]:
    """Return X (n, p) and y (n,) or (n, k), finite and of the same length.

    Raise ValueError; TypeError for sparse data, or if only some column names are strings.
    """
    matrix, targets = check_pair(X, y)
    limits(targets.reshape(len(targets), -1), "y")
    return _finite(matrix, X), targets


def to_rows(X: Any) -> Rows:
    """Return X (n, p), finite; raise as `to_rows_and_targets` does."""
    return _finite(as_rows(X), X)


def _finite(matrix: Array, original: Any) -> Rows:
    limits(matrix)
    return Rows(matrix, column_names(original))
