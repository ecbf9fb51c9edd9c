"""A model is restored from what its version would keep, and must predict as before, or nothing is published."""

from __future__ import annotations

import msgspec
import numpy as np

from app.errors import ModelFailed
from app.model.estimator import AnyEstimator, FittedModel, Stored
from app.schemas.requests import Matrix, Table
from app.service.model_calls import fault, predict_model, predict_probabilities
from app.storage.manifest import Schema

ROWS = 8
TOLERANCE = 1e-12
"""Relative to the greatest prediction: BLAS may add up in another order for arrays that lie elsewhere in memory."""


def check_restored(estimator: AnyEstimator, model: FittedModel, stored: Stored, table: Table, of: Schema) -> None:
    """Raise ModelFailed unless the model that is restored from what is stored predicts as `model` does.

    Both predict copies of a few evenly spaced rows: some models recognise the array that they were fitted on.
    """
    X = table.X[np.unique(np.linspace(0, len(table.X) - 1, ROWS).round().astype(np.intp))]
    expected = _predictions(model.with_texts(table.categories), X, of)
    advice = "; ".join(model.unkept())
    try:
        restored = estimator.load(as_read(stored))
        lost = "; ".join(model.unkept(restored))
        found = expected if lost else _predictions(restored.with_texts(table.categories), X, of)
    except Exception as error:  # a model may raise anything
        raise _not_restored(model, f"raised {type(error.__cause__ or error).__name__}", advice) from error
    if lost:
        raise fault(model, lost)
    for after, before in zip(found, expected, strict=True):
        if not agree(after, before):
            raise _not_restored(model, "predicted otherwise than before", advice)


def agree(after: Matrix, before: Matrix) -> bool:
    """Return whether predictions are the same but for rounding."""
    return np.allclose(after, before, rtol=TOLERANCE, atol=TOLERANCE * np.abs(before).max())


def _predictions(model: FittedModel, X: Matrix, of: Schema) -> list[Matrix]:
    """Return all that a model predicts; codes of labels differ by a whole number or not at all."""
    found = [predict_model(model, X, of)]
    return [*found, predict_probabilities(model, X)] if model.has_probabilities else found


def as_read(stored: Stored) -> Stored:
    """Return what the store would give back."""
    params, learned = msgspec.json.decode(msgspec.json.encode((stored.params, stored.learned)))
    return stored._replace(params=params, learned=learned)


def _not_restored(model: FittedModel, what: str, advice: str) -> ModelFailed:
    return fault(model, f"restored from what is stored, the model {what}" + (f": {advice}" if advice else ""))
