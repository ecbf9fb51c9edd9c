"""Calls of a model, whose code is anybody's: what it refuses, and whether it did what it was asked."""

from __future__ import annotations

import inspect
import math
from logging import getLogger
from pathlib import Path
from typing import Any

from app.errors import Invalid, ModelFailed
from app.model.base import NotNumbers, Regressor
from app.model.evaluate import evaluate
from app.schemas.requests import Matrix
from app.storage.model_store import Schema

logger = getLogger(__name__)

MESSAGE_CHARACTERS = 1000  # of a model's message to its caller


def fit_model(estimator: Regressor, X: Matrix, y: Matrix) -> None:
    """Have a model learn; raise Invalid for data that it refuses."""
    try:
        estimator.fit(X, y)
    except ValueError as error:
        raise _refusal(error) from error


def predict_model(estimator: Regressor, X: Matrix, schema: Schema) -> Matrix:
    """Return predictions, a row for each row, shaped as y was; raise Invalid, or ModelFailed for anything else."""
    try:
        y = estimator.predict_checked(X)
    except NotNumbers as error:
        raise _fault(estimator, str(error)) from error
    except ValueError as error:
        raise _refusal(error) from error
    expected = (len(X),) if schema.vector else (len(X), len(schema.outputs))
    if y.shape != expected:
        raise _fault(estimator, f"predict returned an array of shape {y.shape}, expected {expected}")
    return y


def metrics(y: Matrix, y_predicted: Matrix) -> dict[str, int | float | None]:
    """Return how well predictions meet y; JSON has no NaN: what is not defined (R² of one row) is null."""
    found = evaluate(y.reshape(y_predicted.shape), y_predicted)._asdict()
    return {key: value if math.isfinite(value) else None for key, value in found.items()}


def learned_state(estimator: Regressor) -> dict[str, Any]:
    """Return what a model learned; raise ModelFailed when it can't be stored."""
    try:
        return estimator.learned()
    except TypeError as error:
        raise ModelFailed(str(error)) from error


def _fault(estimator: Regressor, detail: str) -> ModelFailed:
    """Return what callers are told, and log it with the place in the model's code, which was left without an error."""
    code = inspect.unwrap(type(estimator).predict).__code__
    logger.error("%s: %s (%s:%d)", estimator.name, detail, Path(code.co_filename).name, code.co_firstlineno)
    return ModelFailed(detail)


def _refusal(error: ValueError) -> Invalid:
    """Return what callers are told: a ValueError is how a model refuses data, as scikit-learn's estimators do."""
    return Invalid.at("/data", str(error)[:MESSAGE_CHARACTERS].encode("utf-8", "replace").decode())
