"""The columns of a fitted estimator of scikit-learn: their names, and what its encoders know about their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np

from app.model.imported.imported_model import Input
from app.model.imported.sklearn_checks import objects_in


def inputs_of(estimator: Any) -> tuple[bool, list[Input]]:
    """Return whether the columns have names, and the columns; columns whose words are counted are texts."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        known = _known(estimator)
        return True, [known.get(str(name), Input(str(name))) for name in names]
    width = getattr(estimator, "n_features_in_", None)
    if width is None:
        return False, [Input("text", "text")]
    return False, [Input("x" if width == 1 else f"x{i + 1}", "number") for i in range(int(width))]


def _known(estimator: Any) -> Mapping[str, Input]:
    """Return the columns whose categories, or words, are learned; also those within a search or an ensemble."""
    found: dict[str, Input] = {}
    for part in objects_in(estimator):
        if isinstance(part, type) or not hasattr(part, "get_params"):
            continue
        for name, values in zip(_names(part), getattr(part, "categories_", ()), strict=False):
            found[name] = _by_category(name, values)
        for _, step, chosen in getattr(part, "transformers_", ()):
            names = _chosen(_names(part), chosen)
            for inner in _steps(step):
                for name, values in zip(names, getattr(inner, "categories_", ()), strict=False):
                    found[name] = _by_category(name, values)
                if hasattr(inner, "vocabulary_"):
                    found |= {name: Input(name, "text") for name in names}
    return found


def _names(part: Any) -> list[str]:
    return [str(name) for name in getattr(part, "feature_names_in_", ())]


def _chosen(names: Sequence[str], chosen: Any) -> list[str]:
    """Return the names of a transformer's columns, which may be names, positions, a slice or a mask."""
    if isinstance(chosen, str):
        return [chosen]
    if isinstance(chosen, list) and all(isinstance(each, str) for each in chosen):
        return list(chosen)
    try:
        return [str(name) for name in np.atleast_1d(np.asarray(names, dtype=object)[chosen])]
    except (IndexError, TypeError):  # columns without names, or of a table that is not the estimator's input
        return []


def _steps(step: Any) -> Iterator[Any]:
    """Yield a transformer, or the steps of one that is a pipeline; none of 'drop' and 'passthrough'."""
    if hasattr(step, "steps"):
        for _, inner in step.steps:
            yield from _steps(inner)
    elif hasattr(step, "get_params"):
        yield step


def _by_category(name: str, values: Any) -> Input:
    """Return a column with one of the values that it had in the fit."""
    array = np.asarray(values)
    if array.dtype.kind == "M":
        times = array[~np.isnat(array)]
        seconds = float(times[0].astype("datetime64[us]").astype(np.int64)) / 1e6 if len(times) else None
        return Input(name, "datetime", seconds)
    for value in array.ravel()[:10].tolist():
        if isinstance(value, str):
            return Input(name, "text", value)
        if isinstance(value, Real) and isfinite(value):
            return Input(name, None, float(value))
    return Input(name)
