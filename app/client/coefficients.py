"""The coefficients of a model that is linear in its inputs, in the shapes that scikit-learn's tools read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.model.dataframes import Array

INTERCEPT = "1"


class Linear(NamedTuple):
    """`coef` (p,) and a number for y (n,); (k, p) and `intercept` (k,) for y (n, k)."""

    coef: Array
    intercept: Array | float


def linear(terms: Sequence[str], coefficients: Array, inputs: Sequence[str]) -> Linear | None:
    """Return them if the terms are the inputs in order, with or without the intercept."""
    has_intercept = len(terms) == len(inputs) + 1 and terms[0] == INTERCEPT
    slopes = terms[has_intercept:]
    if len(slopes) != len(inputs):
        return None
    if any(term not in (name, f"{name}=true") for term, name in zip(slopes, inputs, strict=True)):
        return None
    rest = coefficients[has_intercept:]
    intercept = coefficients[0] if has_intercept else np.zeros(coefficients.shape[1:])
    return Linear(rest.T, intercept if rest.ndim > 1 else float(intercept))
