"""Convert X and y (arrays, lists, pandas and polars data frames) to float64 without importing pandas or polars.

The checks and their messages are those of the models themselves.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.model.dataframes import column_names
from app.model.validation import as_rows, check_pair, check_width, limits, warn_of_missing_names

Matrix: TypeAlias = NDArray[np.float64]


class Rows(NamedTuple):
    """X (n, p), finite, and the names of its columns if it had names."""

    X: Matrix
    names: list[str] | None = None


def to_rows_and_targets(X: Any, y: Any) -> tuple[Rows, Matrix]:
    """Return X (n, p) and y (n,) or (n, k), finite and of the same length.

    Raise ValueError; TypeError for sparse data, or if only some column names are strings.
    """
    matrix, targets = check_pair(X, y)
    limits(targets.reshape(len(targets), -1), "y")
    return _finite(matrix, X), targets


def to_rows(X: Any) -> Rows:
    """Return X (n, p), finite; raise as `to_rows_and_targets` does."""
    return _finite(as_rows(X), X)


def match_columns(given: Rows, fitted: list[str] | None, width: int, title: str) -> Rows:
    """Return the rows for a version with these columns; warn if only one side has names; ValueError for their number.

    Columns may be in another order than in the fit: they are sent with their names, and the service sorts them.
    """
    check_width(given.X, width, title)
    warn_of_missing_names(given.names, fitted, title)
    return given if fitted else Rows(given.X)


def _finite(matrix: Matrix, original: Any) -> Rows:
    limits(matrix)
    return Rows(matrix, column_names(original))
