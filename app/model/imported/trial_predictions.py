"""A few predictions of a model that is tried out: their shape, and whether rows may be predicted together."""

from __future__ import annotations

import numpy as np

from app.errors import Invalid
from app.model.agreement import agreement, worst
from app.model.base import NotNumbers
from app.model.dataframes import Array
from app.model.estimator import FittedModel
from app.schemas.tasks import Stacks

MAX_ALONE_ROWS = 32
RAISED = (NotNumbers, ValueError, TypeError, RuntimeError, ArithmeticError, LookupError, AttributeError)
"""Errors of libraries for a model that does not match its data, or is damaged."""


class NotPredicted(Invalid):
    """The model raised where it should have predicted."""


def tried(model: FittedModel, X: Array, *, outputs: int | None, must_be_finite: bool) -> Stacks:
    """Predict rows together and one by one; return how far they agree. Raise Invalid for invalid predictions."""
    together = _predicted(model, X)
    shape = (len(X),) if outputs is None else (len(X), outputs)
    if together.shape != shape:
        raise Invalid.at("/file", f"it predicts an array of shape {together.shape} for {len(X)} rows, not {shape}")
    if must_be_finite and not np.isfinite(together).all():
        raise Invalid.at("/sample", "it predicts something that is no finite number for the sample")
    alone = np.concatenate([_predicted(model, X[i : i + 1]) for i in range(min(len(X), MAX_ALONE_ROWS))])
    found = {agreement(alone, together[: len(alone)], labels=model.classes is not None, by_float32=True)}
    if model.has_probabilities and model.classes is not None:
        probabilities = _probable(model, X)
        if probabilities.shape != (len(X), len(model.classes)):
            raise Invalid.at("/file", f"it gives probabilities of shape {probabilities.shape} for {len(X)} rows")
        single = np.concatenate([_probable(model, X[i : i + 1]) for i in range(len(alone))])
        found.add(agreement(single, probabilities[: len(alone)], by_float32=True))
    return worst(found)


def _predicted(model: FittedModel, X: Array) -> Array:
    try:
        return np.asarray(model.predict(X), np.float64)
    except RAISED as error:
        raise not_predicted(error) from None


def _probable(model: FittedModel, X: Array) -> Array:
    try:
        return np.asarray(model.probabilities(X), np.float64)
    except RAISED as error:
        raise not_predicted(error) from None


def predicts(model: FittedModel, X: Array) -> bool:
    """Whether a model predicts these rows."""
    try:
        _predicted(model, X)
    except NotPredicted:
        return False
    return True


def not_predicted(error: Exception) -> NotPredicted:
    """Return the error for a model that failed to predict."""
    words = str(error).partition("\n")[0][:300].encode("utf-8", "replace").decode()
    return NotPredicted.at("/file", f"it does not predict: {type(error).__name__}: {words}")
