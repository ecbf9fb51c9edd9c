"""Calls of a model, whose code may be a user's: its errors are converted, and its results are checked."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from logging import getLogger
from typing import Any, NamedTuple

import numpy as np

from app.errors import Invalid, ModelFailed
from app.model.base import NotNumbers
from app.model.estimator import AnyEstimator, FitData, FittedModel, Stored
from app.schemas.tables import Matrix
from app.service.fit_warnings import collect_warnings
from app.storage.manifest import Schema

logger = getLogger(__name__)

READ_ONLY = "read-only"  # in numpy's and pandas' errors if code writes to a read-only array
BUFFER = "buffer source array is read-only"  # Cython's error for code that might write, though most never does
CHANGES = "the model's fit changes the X or y that it is given; let it copy (X = X.copy())"
MESSAGE_CHARACTERS = 1000  # limit of a model's or source's own error text in a response


@contextmanager
def model_errors(name: str, pointer: str = "/data") -> Iterator[None]:
    """Raise Invalid for a ValueError of a model's own code, ModelFailed for an unexpected error.

    A job converts errors in the same way; this is for errors before there is a job.
    """
    try:
        yield
    except ValueError as error:
        raise refusal(error, pointer) from error
    except Exception as error:  # a user's code may raise anything
        raise _failure(name, error) from error


def check_estimator(estimator: AnyEstimator, params: Mapping[str, Any]) -> None:
    """Raise Invalid for parameters that the estimator refuses, or ModelFailed."""
    with model_errors(estimator.name, "/params"):
        estimator.check(params)


class Fit(NamedTuple):
    """The results of a fit."""

    model: FittedModel
    warnings: list[str]
    """The warnings that its code issued by `warnings.warn`: texts for the client, which may quote data."""


def fit_model(estimator: AnyEstimator, params: Mapping[str, Any], data: FitData) -> Fit:
    """Fit a model; raise Invalid for data that it refuses, or tries to change.

    Code that requires writable arrays gets copies.
    """

    def fit() -> FittedModel:
        try:
            return _fit(estimator, params, data)
        except ValueError as error:
            changes = READ_ONLY in str(error) and not data.X.flags.writeable
            raise refusal(ValueError(CHANGES) if changes else error) from error

    return with_warnings(fit)


def with_warnings(fit: Callable[[], FittedModel]) -> Fit:
    """Call a fit, and collect the warnings of its code."""
    with collect_warnings() as collected:
        model = fit()
    return Fit(model, collected.sentences())


def _fit(estimator: AnyEstimator, params: Mapping[str, Any], data: FitData) -> FittedModel:
    try:
        return estimator.fit(params, data)
    except ValueError as error:
        if BUFFER not in str(error):
            raise
    return estimator.fit(params, data.copied())


def check_takes_weights(estimator: AnyEstimator, pointer: str) -> None:
    """Raise Invalid for an estimator whose fit takes no weights; `pointer` leads to the request's weights."""
    if not estimator.takes_weights:
        raise Invalid.at(pointer, f"the model {estimator.name!r} takes no weights: its fit has no sample_weight")


def predict_model(model: FittedModel, X: Matrix, schema: Schema) -> Matrix:
    """Return predictions (n,) or (n, k), in the shape of the fit's y.

    Raises Invalid for data that the model refuses, ModelFailed for anything but numbers of that shape.
    """
    try:
        y = model.predict(X)
    except NotNumbers as error:
        raise fault(model, str(error)) from error
    except ValueError as error:
        raise refusal(error) from error
    expected = (len(X),) if schema.vector else (len(X), len(schema.outputs))
    if y.shape != expected:
        raise fault(model, f"predict returned an array of shape {y.shape}, expected {expected}")
    return y


def predict_probabilities(model: FittedModel, X: Matrix) -> Matrix:
    """Return the probability of each class (n, classes); raise as `predict_model` does."""
    try:
        found = model.probabilities(X)
    except NotNumbers as error:
        raise fault(model, str(error)) from error
    except ValueError as error:
        raise refusal(error) from error
    expected = (len(X), len(model.classes or ()))
    if found.shape != expected:
        raise fault(model, f"predict_proba returned an array of shape {found.shape}, expected {expected}")
    if not np.isfinite(found).all():
        raise Invalid.at("/data", "A probability is not a finite number.")
    return found


def own_metrics(model: FittedModel, X: Matrix, y: Matrix, weight: Matrix | None) -> dict[str, float | None] | None:
    """Return the metrics of a model that has its own, None for any other; raise as `predict_model` does."""
    try:
        found = model.own_metrics(X, y, weight)
    except ValueError as error:
        raise refusal(error) from error
    if found is None:
        return None
    try:
        return finite({name: math.nan if value is None else float(value) for name, value in found.items()})
    except (AttributeError, TypeError, ValueError):
        raise fault(model, "score returned no dict of numbers, which a model with metrics needs") from None


def finite(numbers: Mapping[str, int | float | None]) -> dict[str, int | float | None]:
    """Return the numbers with None for NaN and infinity, which JSON does not have."""
    return {key: value if value is not None and math.isfinite(value) else None for key, value in numbers.items()}


def save_model(model: FittedModel) -> Stored:
    """Return the state to store of a model; raise ModelFailed if it cannot be stored."""
    try:
        return model.save()
    except TypeError as error:
        raise ModelFailed(str(error)) from error


def fault(model: FittedModel, detail: str) -> ModelFailed:
    """Return the error for callers; log it with the location of the model's code, because it has no traceback."""
    logger.error("%s: %s", model.place, detail)
    return ModelFailed(detail)


def _failure(name: str, error: Exception) -> ModelFailed:
    """Return the error for callers; log the stack without the message, which may quote data."""
    raised = f"the model {name!r} raised {type(error).__name__}"
    logger.error("%s\n%s", raised, "".join(traceback.format_tb(error.__traceback__)))
    return ModelFailed(raised)


def refusal(error: ValueError, pointer: str = "/data") -> Invalid:
    """Return the error for callers. Models and sources refuse data by a ValueError, as scikit-learn's estimators do."""
    return Invalid.at(pointer, str(error)[:MESSAGE_CHARACTERS].encode("utf-8", "replace").decode())
