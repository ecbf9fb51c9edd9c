"""Calls of a model, whose code is anybody's: what it refuses, and whether it did what it was asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from app.errors import Invalid, ModelFailed
from app.model.base import Regressor
from app.model.evaluate import evaluate
from app.schemas import Matrix
from app.store import Schema

MESSAGE_CHARACTERS = 1000  # of a model's message to its caller
P = ParamSpec("P")
T = TypeVar("T")


def asked(method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a method of a model; its ValueError is how it refuses data, as scikit-learn's estimators do."""
    try:
        return method(*args, **kwargs)
    except ValueError as error:
        words = str(error)[:MESSAGE_CHARACTERS].encode("utf-8", "replace").decode()
        raise Invalid.at("/data", words) from error


def predicted(estimator: Regressor, X: Matrix, schema: Schema) -> Matrix:
    """Return predictions, a row for each row, shaped as y was; raise Invalid, or ModelFailed for another shape."""
    y = asked(estimator.predict_checked, X)
    expected = (len(X),) if schema.vector else (len(X), len(schema.outputs))
    if y.shape != expected:
        raise ModelFailed(f"predict returned an array of shape {y.shape}, expected {expected}")
    return y


def metrics(y: Matrix, y_predicted: Matrix) -> dict[str, int | float | None]:
    """Return how well predictions meet y; JSON has no NaN: what is not defined (R² of one row) is null."""
    found = evaluate(y.reshape(y_predicted.shape), y_predicted)._asdict()
    return {key: value if math.isfinite(value) else None for key, value in found.items()}


def learned(estimator: Regressor) -> dict[str, Any]:
    """Return what a model learned; raise ModelFailed when it can't be stored."""
    try:
        return estimator.learned()
    except TypeError as error:
        raise ModelFailed(str(error)) from error
