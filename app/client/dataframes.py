"""Converts X and y for requests: numbers to float64, other columns to JSON values. Imports no library of frames.

The checks and their messages are those of the models themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.client.cells import column_cells
from app.client.columns import Columns, collected, columns_of, named_columns
from app.model.dataframes import Array, default_names
from app.model.validation import as_rows, as_targets, check_lengths, check_shape, finite_error, limits

Names: TypeAlias = str | Iterable[str] | None


class ColumnChoice(NamedTuple):
    """Which columns a fit uses: `inputs`, or all except the ignored ones and the column of weights."""

    inputs: list[str] | None = None
    ignore: list[str] | None = None
    weight: str | None = None

    @classmethod
    def of(cls, inputs: Names = None, ignore: Names = None, weight: str | None = None) -> ColumnChoice:
        """Return the choice for a caller's names: one or several, with or without surrounding blanks."""
        return cls(_stripped(inputs), _stripped(ignore), weight.strip() if isinstance(weight, str) else weight)

    def passes_over(self, name: str) -> bool:
        """Whether the values of a column are not read."""
        if self.ignore and name in self.ignore:
            return True
        return self.inputs is not None and name not in (*self.inputs, self.weight)


class Rows(NamedTuple):
    """X (n, p) and the names of its columns if it had names.

    X is float64, with NaN for missing values, or of objects: numbers, texts, truth values and None.
    """

    X: NDArray[Any]
    names: list[str] | None = None

    @property
    def numeric(self) -> bool:
        """Whether all columns are numbers."""
        return self.X.dtype == np.float64

    @property
    def titles(self) -> Sequence[str]:
        """The names, or the default names that the service gives."""
        return _titles(self.names, self.X.shape[1])


ALL = ColumnChoice()


def to_rows_and_targets(
    X: Any,
    y: Any,
    choice: ColumnChoice = ALL,
    *,
    drop: bool = False,
    to_y: Callable[[Any], NDArray[Any]] | None = None,
) -> tuple[Rows, NDArray[Any]]:
    """Return X (n, p) and y of the same length: numbers (n,) or (n, k), or the result of `to_y`.

    Raise as `to_rows` does.
    """
    if y is None:
        raise ValueError("The estimator requires y to be passed, but the target y is None.")
    rows, targets = to_rows(X, choice, drop=drop), (to_y or to_targets)(y)
    check_lengths(rows.X, targets)
    return rows, targets


def to_targets(y: Any, name: str = "y") -> Array:
    """Return y (n,) or (n, k), finite; raise ValueError."""
    y = collected(y)
    if (named := named_columns(y)) is not None:
        y = np.column_stack([np.asarray(values) for values in named.values()])
    targets = as_targets(y)
    limits(targets.reshape(len(targets), -1), name)
    return targets


def to_rows(X: Any, choice: ColumnChoice = ALL, names: list[str] | None = None, *, drop: bool = False) -> Rows:
    """Return X (n, p), without the values of columns that the choice skips; `names` override those of a frame.

    With `drop` these columns are removed; else they are empty, so that the service gets their names.
    Raise ValueError for infinity and values that no column can hold; TypeError for sparse data and other objects,
    or if only some column names are strings.
    """
    X = collected(X)
    columns = columns_of(X)
    if columns is None:
        rows = Rows(as_rows(X), names)
        _check_finite(rows.X, rows.titles)
    else:
        names = columns.names if names is None else names
        names = None if names is None else [name.strip() for name in names]
        if drop and names is not None:
            columns, names = _without(columns, names, choice)
        rows = Rows(_joined(columns, names, choice), names)
    return rows


def check_not_missing(rows: Rows) -> None:
    """Raise ValueError for missing values among numbers, with the first place in each column."""
    if rows.numeric and (error := finite_error(rows.X, "X", rows.titles)):
        raise ValueError(f"{error} Fill these values in, or leave the columns out (ignore=).")


def _without(columns: Columns, names: list[str], choice: ColumnChoice) -> tuple[Columns, list[str]]:
    """Return the columns, and their names, without those that the choice skips."""
    kept = [position for position, name in enumerate(names) if not choice.passes_over(name)]
    if not kept:  # the service's error names the missing columns
        return columns, names
    chosen = Columns(columns.rows, len(kept), lambda position: columns.read(kept[position]))
    return chosen, [names[position] for position in kept]


def _joined(columns: Columns, names: Sequence[str] | None, choice: ColumnChoice) -> NDArray[Any]:
    """Return columns as a matrix, float64 if all are numbers; raise one error for all columns that cannot be sent."""
    found: list[NDArray[Any]] = []
    faults: list[str] = []
    for position, title in enumerate(_titles(names, columns.width)):
        if choice.passes_over(title):
            found.append(np.full(columns.rows, None))
            continue
        try:
            cells = column_cells(columns.read(position), f"column {title!r}")
            if cells.dtype == np.float64:
                _check_finite(cells.reshape(-1, 1), [title])
            found.append(cells)
        except ValueError as error:
            faults.append(str(error))
    if faults:
        raise ValueError("; ".join(faults))
    numeric = all(cells.dtype == np.float64 for cells in found)
    matrix: NDArray[Any] = np.empty((columns.rows, columns.width), np.float64 if numeric else object, order="F")
    for position, cells in enumerate(found):
        matrix[:, position] = cells
    check_shape(matrix)
    return matrix


def _titles(names: Sequence[str] | None, count: int) -> Sequence[str]:
    """Return the names of columns for error texts: one for each column, even if the caller gave another number."""
    return names if names is not None and len(names) == count else default_names("x", count)


def _check_finite(X: Array, titles: Sequence[str]) -> None:
    """Raise ValueError for infinity: JSON has none."""
    if error := finite_error(X, "X", titles, takes_missing=True):
        raise error


def _stripped(names: Names) -> list[str] | None:
    """Return names without surrounding blanks; the service checks everything else."""
    if names is None:
        return None
    listed: list[Any] = [names] if isinstance(names, str) else list(names)
    return [name.strip() if isinstance(name, str) else name for name in listed]
