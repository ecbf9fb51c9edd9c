"""X and y as people have them (arrays, lists, pandas and polars frames) made into float64; neither library is imported.

The checks and their words are those that the models themselves have for callers in Python.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.client.errors import Invalid
from app.model.dataframes import column_names
from app.model.validation import as_rows, check_pair, limits

Matrix: TypeAlias = NDArray[np.float64]


class Rows(NamedTuple):
    """X (n, p), finite, and the names of its columns where it came with names."""

    X: Matrix
    names: list[str] | None = None


def pair(X: Any, y: Any) -> tuple[Rows, Matrix]:
    """Return X (n, p) and y (n,) or (n, k), finite and of one length.

    Raise ValueError, TypeError for sparse data and for names of which only some are strings.
    """
    matrix, targets = check_pair(X, y)
    limits(targets.reshape(len(targets), -1), "y")
    return _finite(matrix, X), targets


def rows(X: Any) -> Rows:
    """Return X (n, p), finite; raise as `pair` does."""
    return _finite(as_rows(X), X)


def matched(given: Rows, fitted: Sequence[str] | None, width: int, title: str) -> Rows:
    """Return rows to be sent to a version with these columns; raise Invalid for others, warn of names on one side.

    Columns may come in another order than that of the fit: they go out under their names, and the service sorts them.
    """
    if given.X.shape[1] != width:
        raise Invalid(f"X has {given.X.shape[1]} features, but {title} is expecting {width} features as input.")
    if fitted is None:
        if given.names is not None:
            warnings.warn(f"X has feature names, but {title} was fitted without feature names", stacklevel=4)
        return Rows(given.X)
    if given.names is None:
        warnings.warn(f"X does not have valid feature names, but {title} was fitted with feature names", stacklevel=4)
    return given


def _finite(matrix: Matrix, original: Any) -> Rows:
    limits(matrix)
    return Rows(matrix, column_names(original))
