"""The metrics of a fit and of a score, of regressors and of classifiers."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from app.model.classification import evaluate_classes
from app.model.estimator import FittedModel
from app.model.evaluate import evaluate
from app.schemas.tables import Matrix, Table
from app.service.columns import require_y
from app.service.model_calls import finite, own_metrics, predict_model, predict_probabilities
from app.service.versions import Fitted
from app.storage.manifest import Schema

Confusion: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class Evaluation(NamedTuple):
    """A model's metrics for some rows, and its predictions."""

    metrics: dict[str, int | float | None]
    y: Matrix
    """The predictions: numbers, or codes of classes."""
    probabilities: Matrix | None = None
    confusion: Confusion | None = None
    """By true class and by predicted class."""


def evaluate_model(model: FittedModel, X: Matrix, y: Matrix, weight: Matrix | None, schema: Schema) -> Evaluation:
    """Predict X and compare with y, each row weighted; raise as `predict_model` does."""
    predicted = predict_model(model, X, schema)
    if (own := own_metrics(model, X, y, weight)) is not None:
        return Evaluation({**own, "n": len(X)}, predicted)
    if model.classes is None:
        return Evaluation(finite(evaluate(y.reshape(predicted.shape), predicted, weight)._asdict()), predicted)
    probabilities = predict_probabilities(model, X) if model.has_probabilities else None
    found = evaluate_classes(y, predicted, probabilities, len(model.classes), weight)._asdict()
    del found["confusion"]
    confusion = _confusion(y, predicted, len(model.classes), weight)
    return Evaluation(finite(found), predicted, probabilities, confusion)


def score(fitted: Fitted, table: Table) -> dict[str, Any]:
    """Return the result of a score: a version's predictions compared with the table's own y; raise as above."""
    found = evaluate_model(fitted.reading(table), table.X, require_y(table), table.weight, fitted.manifest.schema)
    if found.confusion is None:
        return dict(found.metrics)
    return {**found.metrics, "classes": table.labels, "confusion": found.confusion.tolist()}


def _confusion(y: Matrix, predicted: Matrix, classes: int, weight: Matrix | None) -> Confusion:
    """Return the number of rows, or their weight, for each true code and each predicted one.

    Codes of labels that were not in the fit are true codes only: their columns are zero.
    """
    size = max(classes, int(y.max()) + 1)
    cells = y.astype(np.intp) * size + predicted.astype(np.intp)
    return np.bincount(cells, weight, size * size).reshape(size, size)
