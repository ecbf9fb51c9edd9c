"""Converts the rows of a table for a scikit-learn estimator: to a matrix, a data frame, or a list of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from app.model.dataframes import Array
from app.model.scikit.parameters import parts
from app.schemas.columns import NUMERIC, Column

Form: TypeAlias = Literal["matrix", "frame", "texts", "categories"]
"""`categories` is a frame whose texts are of the dtype `category`."""
Texts: TypeAlias = Mapping[int, Sequence[str]]
LIBRARIES = ("sklearn", "xgboost", "lightgbm")  # their estimators take matrices, unless they select by name
MAX_EXACT = 2.0**53


def form_of(estimator: Any, columns: Sequence[Column]) -> Form:
    """Return the form that an estimator needs: a matrix if possible, because a frame costs some 0.2 ms per row.

    Raises ValueError for other columns than one of text where the estimator reads texts.
    """
    if _reads_texts(estimator):
        if len(columns) != 1 or columns[0].kind != "text":
            raise ValueError("the estimator takes texts: one column of text, and no other")
        return "texts"
    plain = all(column.kind in NUMERIC or column.kind == "boolean" for column in columns)
    if any(column.kind == "text" for column in columns) and _takes_categories(estimator):
        return "categories"
    return "matrix" if plain and not any(_selects(each) for each in parts(estimator)) else "frame"


def rows_of(X: Array, columns: Sequence[Column], texts: Texts, form: Form) -> Any:
    """Return the rows of a table in a form; `texts` are the texts of its codes, by default those of the fit."""
    if form == "matrix":
        return X
    if form == "texts":
        return _texts(X[:, 0], texts.get(0, columns[0].categories or ()))
    series = {
        column.name: _series(X[:, position], column, texts.get(position, column.categories or ()))
        for position, column in enumerate(columns)
    }
    frame = pd.DataFrame(series)
    if form == "categories":
        return frame.astype({column.name: "category" for column in columns if column.kind == "text"})
    return frame


def _series(values: Array, column: Column, texts: Sequence[str]) -> Any:
    """Return a column with the dtype that pandas would give it in a CSV file.

    It depends on the values of a request only if a column of whole numbers in the fit now has other numbers.
    """
    if column.kind == "text":
        return pd.array(_texts(values, texts), dtype="str")
    if column.kind == "datetime":
        return pd.to_datetime(pd.Series(values), unit="s").astype("datetime64[us]")
    if column.kind == "number" or (column.kind == "integer" and column.nullable):
        return values
    if column.kind == "integer":
        whole = bool((np.rint(values) == values).all() and (np.abs(values) < MAX_EXACT).all())
        return values.astype(np.int64) if whole else values
    missing = np.isnan(values)
    if not missing.any() and not column.nullable:
        return values.astype(np.bool_)
    found = (values == 1).astype(object)
    found[missing] = np.nan
    return found


def _texts(values: Array, texts: Sequence[str]) -> Any:
    """Return texts (n,) for their codes, NaN for missing ones, as in pandas."""
    known = np.array([*texts, np.nan], dtype=object)
    return known[np.where(np.isnan(values), len(texts), values).astype(np.intp)]


def _reads_texts(estimator: Any) -> bool:
    """Whether the first step reads texts; such classes have a parameter `input`."""
    steps = getattr(estimator, "steps", None)
    first = steps[0][1] if steps else estimator
    if first is not estimator and hasattr(first, "get_params"):
        return _reads_texts(first)
    return hasattr(first, "get_params") and "input" in first.get_params(deep=False)


def _takes_categories(estimator: Any) -> bool:
    """Whether rows reach an estimator, also in a search or an ensemble, that takes categories by their dtype."""
    if getattr(estimator, "categorical_features", None) == "from_dtype":  # of histogram boosting, by default
        return True
    steps = getattr(estimator, "steps", None)
    if steps:
        return len(steps) == 1 and _takes_categories(steps[0][1])
    inner = getattr(estimator, "estimator", None)
    return inner is not None and _takes_categories(inner)


def _selects(part: Any) -> bool:
    """Whether a part of an estimator may select columns by their names or dtypes."""
    if type(part).__module__.partition(".")[0] not in LIBRARIES:
        return True
    if hasattr(part, "transformers") or getattr(part, "func", None) is not None:
        return True
    named = getattr(part, "categorical_features", None)
    return isinstance(named, list | tuple) and any(isinstance(each, str) for each in named)
