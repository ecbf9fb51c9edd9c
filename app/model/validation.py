"""Checks of X and y for callers in Python, with the error texts of scikit-learn."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.model.dataframes import Array, as_float, column_names, default_names
from app.schemas.wording import counted

SCAN_VALUES = 2**16
"""Values scanned in one block: half a megabyte fits into the processor's cache."""
MIN_SCAN_COLUMNS = 1024
"""Narrow rows are joined to about this width: numpy finds column minima faster in long rows."""

SHOWN_COLUMNS = 10


def check_pair(X: ArrayLike, y: ArrayLike | None) -> tuple[Array, Array]:
    """Convert X (n, p) and y (n,) or (n, k), of one length, to float64; `limits` checks that they are finite."""
    if y is None:
        raise ValueError("The estimator requires y to be passed, but the target y is None.")
    rows, targets = as_rows(X), as_targets(y)
    check_lengths(rows, targets)
    return rows, targets


def as_targets(y: ArrayLike) -> Array:
    """Convert y (n,) or (n, k) to float64; `limits` checks that it is finite."""
    targets = as_float(y, "y")
    if targets.ndim not in (1, 2) or 0 in targets.shape[1:]:
        raise ValueError(f"y must be of shape (n,) or (n, k), got {targets.shape}.")
    return targets


def check_lengths(rows: NDArray[Any], targets: NDArray[Any]) -> None:
    """Raise ValueError unless there is a target for each row."""
    if len(rows) != len(targets):
        raise ValueError(f"Found input variables with inconsistent numbers of samples: [{len(rows)}, {len(targets)}]")


def check_weight(sample_weight: ArrayLike | None, rows: int) -> Array | None:
    """Convert the weights of rows, one for each or one for all, to float64 (n,); None if all are the same.

    Raises ValueError for another number of them, negative ones, NaN and infinity, and if all are zero.
    """
    if sample_weight is None:
        return None
    weight = as_float(sample_weight, "sample_weight")
    if weight.ndim > 1:
        raise ValueError(f"Sample weights must be 1D array or scalar, got {weight.ndim}D array.")
    weight = np.broadcast_to(weight, rows) if weight.ndim == 0 else weight
    if len(weight) != rows:
        raise ValueError(f"sample_weight.shape == {weight.shape}, expected {(rows,)}!")
    (low,), (high,) = limits(weight.reshape(-1, 1), name="sample_weight")
    if low < 0:
        raise ValueError("Negative values in data passed to `sample_weight`.")
    if high == 0:
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return None if low == high else weight


def check_rows(X: ArrayLike, of: Any) -> Array:
    """Convert X (m, p) to float64; check that it is finite and has the width of the fit of the model `of`."""
    rows = as_rows(X)
    check_width(rows, of.n_features_in_, type(of).__name__)
    limits(rows)
    return rows


def check_width(rows: Array, width: int, title: str) -> None:
    """Raise ValueError if X has another number of columns than in the fit of the model called `title`."""
    if rows.shape[1] != width:
        raise ValueError(f"X has {rows.shape[1]} features, but {title} is expecting {width} features as input.")


def as_rows(X: ArrayLike) -> Array:
    """Convert X (m, p), m and p at least 1, to float64; `limits` checks that they are finite."""
    if hasattr(X, "shape") and len(X.shape) == 1:  # of any dtype
        check_shape(np.asarray(X))
    rows = as_float(X, "X")
    check_shape(rows)
    return rows


def check_shape(rows: NDArray[Any]) -> None:
    """Raise ValueError unless X has two dimensions, a row and a column."""
    if rows.ndim != 2:  # noqa: PLR2004 - a matrix
        raise ValueError(
            f"Expected 2D array, got {rows.ndim}D array instead. Reshape your data either using array.reshape(-1, 1) "
            "if it has a single feature or array.reshape(1, -1) if it contains a single sample."
        )
    for size, what in zip(rows.shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise ValueError(f"Found array with 0 {what}(s) (shape={rows.shape}) while a minimum of 1 is required.")


def limits(X: Array, name: str = "X") -> tuple[Array, Array]:
    """Find each column's least and greatest value in X (n, p), n ≥ 1; ValueError for NaN and infinity."""
    step = max(1, SCAN_VALUES // X.shape[1])
    parts = [_column_limits(X[start : start + step]) for start in range(0, len(X), step)]
    low, high = np.minimum.reduce([low for low, _ in parts]), np.maximum.reduce([high for _, high in parts])
    if not (np.isfinite(low).all() and np.isfinite(high).all()) and (error := finite_error(X, name)):
        raise error
    return low, high


def finite_error(
    X: Array, name: str = "X", titles: Sequence[str] | None = None, *, takes_missing: bool = False
) -> ValueError | None:
    """Return the error for infinity in X (n, p), or for NaN unless missing values are accepted; None without one.

    It has the first place in each column; `titles` are the names of the columns.
    """
    with np.errstate(all="ignore"):
        if np.isfinite(X.sum()):
            return None
    infinity = np.isinf, "infinity or a value too large for dtype('float64')"
    for test, what in [infinity] if takes_missing else [(np.isnan, "NaN"), infinity]:
        bad = test(X)
        if bad.any():
            return ValueError(f"Input {name} contains {what}: {_places(bad, name, titles)}.")
    return None


def _places(bad: NDArray[np.bool_], name: str, titles: Sequence[str] | None) -> str:
    """Return the first place in each column of bad values (n, p), and how many they are."""
    width = bad.shape[1]
    columns = np.flatnonzero(bad.any(axis=0))
    titles = titles or default_names(name[0].lower(), width)
    places: list[str] = []
    for column in columns[:SHOWN_COLUMNS].tolist():
        title = "" if name != "X" and width == 1 else f", column {titles[column]!r}"
        count = f" ({bad[:, column].sum()} of {counted(len(bad), 'value')})"
        places.append(f"row {bad[:, column].argmax()}{title}{count}")
    more = len(columns) - SHOWN_COLUMNS
    return "; ".join(places) + (f"; and {counted(more, 'more column')}" if more > 0 else "")


def _column_limits(block: Array) -> tuple[Array, Array]:
    """Find column minima and maxima; several rows of a narrow C-ordered block are scanned as one, for speed."""
    rows, width = block.shape
    several = MIN_SCAN_COLUMNS // width
    if several <= 1 or rows < several or not block.flags.c_contiguous:
        return block.min(axis=0), block.max(axis=0)
    whole = rows - rows % several
    folded = block[:whole].reshape(-1, several * width)
    low, high = folded.min(axis=0).reshape(several, width), folded.max(axis=0).reshape(several, width)
    rest = block[whole - several :]  # overlaps, so that it is never empty
    return np.minimum(low.min(axis=0), rest.min(axis=0)), np.maximum(high.max(axis=0), rest.max(axis=0))


def check_names(model: Any, X: Any) -> None:
    """Raise ValueError if a data frame's columns differ from those of the fit; warn if only one side has names."""
    given, fitted = column_names(X), getattr(model, "names_", None)
    if given and fitted and given != fitted:
        raise ValueError(
            "The feature names should match those that were passed during fit.\n" + _difference(given, fitted)
        )
    warn_of_missing_names(given, fitted, type(model).__name__)


def warn_of_missing_names(given: list[str] | None, fitted: list[str] | None, title: str) -> None:
    """Warn the caller of `predict`, three calls above, if only one side of the data and the fit has column names."""
    if given and not fitted:
        warnings.warn(f"X has feature names, but {title} was fitted without feature names", stacklevel=4)
    if fitted and not given:
        warnings.warn(f"X does not have valid feature names, but {title} was fitted with feature names", stacklevel=4)


def _difference(given: list[str], fitted: list[str]) -> str:
    unseen, missing = sorted(set(given) - set(fitted)), sorted(set(fitted) - set(given))
    lines = ["Feature names unseen at fit time:", *(f"- {name}" for name in unseen)] if unseen else []
    if missing:
        lines += ["Feature names seen at fit time, yet now missing:", *(f"- {name}" for name in missing)]
    return "\n".join(lines or ["Feature names must be in the same order as they were in fit."]) + "\n"
