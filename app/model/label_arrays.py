"""Labels of a classifier: text, whole numbers or truth values, and their codes, which are positions in their order."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.model.dataframes import refuse_sparse
from app.model.sklearn_compat import warn_of_column
from app.schemas.tasks import label_fault

SHOWN_CHARACTERS = 40


def encode_labels(y: ArrayLike | None) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the different labels of y (n,) in order, and the code of each row (n,).

    Raises ValueError for another shape, a single label, labels of several types, missing ones, and numbers that are
    not whole.
    """
    labels = as_labels(y)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:  # noqa: PLR2004 - nothing to distinguish
        shown = repr(classes.tolist()[0])[:SHOWN_CHARACTERS]
        raise ValueError(f"y holds one class only, {shown}: a classifier needs rows of at least two classes.")
    return classes, codes


def as_labels(y: ArrayLike | None) -> NDArray[Any]:
    """Return labels (n,), n ≥ 1, as an array of text, numbers or truth values; raise as `encode_labels` does."""
    if y is None:
        raise ValueError("The estimator requires y to be passed, but the target y is None.")
    refuse_sparse(y, "y")
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:  # noqa: PLR2004 - a column
        warn_of_column()
        labels = labels[:, 0]
    if labels.ndim != 1 or not len(labels):
        raise ValueError(f"y must be of shape (n,), one label for each row, got {labels.shape}.")
    if labels.dtype.kind == "O":
        labels = _of_one_type(labels)
    if labels.dtype.kind == "f":
        _check_whole(labels)
    if labels.dtype.kind not in "biufU":
        raise ValueError(f"y holds {labels.dtype}: labels are all text, whole numbers, or truth values.")
    return labels


def _of_one_type(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels that are Python objects as an array of their type."""
    values = labels.tolist()
    kinds = {_kind(value) for value in values}
    if len(kinds) > 1 or not kinds <= {"text", "numbers", "truth values"}:
        raise ValueError(f"y holds {' and '.join(sorted(kinds))}: labels are all text, whole numbers, or truth values.")
    for value in set(values) if kinds == {"text"} else ():
        if fault := label_fault(value):
            raise ValueError(f"y holds a text that {fault}.")
    return np.array(values)


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "truth values"
    return "numbers" if isinstance(value, int | float | np.number) else type(value).__name__


def _check_whole(labels: NDArray[Any]) -> None:
    if np.isnan(labels).any():
        raise ValueError("Input y contains NaN.")
    if not np.isfinite(labels).all():
        raise ValueError("Input y contains infinity or a value too large for dtype('float64').")
    if (labels != np.floor(labels)).any():
        raise ValueError("Unknown label type: y holds numbers that are not whole, so it is no y of a classifier.")
