"""The sample that is stored with a version for its plot: evenly spaced rows, and for one input the curve."""

from __future__ import annotations

import numpy as np

from app.model.estimator import FittedModel
from app.schemas.columns import NUMERIC
from app.schemas.tables import Matrix
from app.service.evaluation import Evaluation
from app.service.model_calls import predict_model
from app.storage.array_files import Arrays
from app.storage.manifest import Schema

SAMPLE_BYTES = 65_536
HEADER_BYTES = 2_048  # headers of the archive and its arrays
CURVE_POINTS = 128
CONFUSION_BYTES = 16_384  # a confusion matrix of 45 classes


def sample(model: FittedModel, X: Matrix, y: Matrix, evaluation: Evaluation, schema: Schema, max_rows: int) -> Arrays:
    """Return X, y and predictions of at most `max_rows` evenly spaced rows; with one input of numbers, also the curve.

    X is that of the table: a text is its position in the categories of its column. A classifier has probabilities
    instead of the curve, and the confusion matrix of all rows if it has few classes. Together they
    take at most SAMPLE_BYTES. The sample is empty if not even one row fits, or `max_rows` is 0.
    """
    outputs, beside = len(schema.outputs), _beside(evaluation)
    curved = X.shape[1] == 1 and schema.columns[0].kind in NUMERIC and model.classes is None
    probabilities = evaluation.probabilities
    width = X.shape[1] + 2 * outputs + (1 + outputs) * curved + (0 if probabilities is None else probabilities.shape[1])
    left_bytes = SAMPLE_BYTES - HEADER_BYTES - sum(array.nbytes for array in beside.values())
    fitting_rows = left_bytes // (8 * width)
    count = min(len(X), max_rows, fitting_rows)
    if not count:
        return {}
    rows = np.linspace(0, len(X) - 1, count).round().astype(np.intp)
    kept = {"X": X[rows], "y": y[rows], "predicted": evaluation.y[rows], **beside}
    if probabilities is not None:
        kept["probabilities"] = probabilities[rows]
    return kept | _curve(model, X, schema, min(CURVE_POINTS, fitting_rows)) if curved else kept


def _beside(evaluation: Evaluation) -> dict[str, Matrix]:
    """Return the part of the sample that is about all rows."""
    confusion = evaluation.confusion
    if confusion is None or confusion.nbytes > CONFUSION_BYTES:
        return {}
    return {"confusion": confusion.astype(np.float64)}


def _curve(model: FittedModel, X: Matrix, schema: Schema, points: int) -> Arrays:
    low, high = float(X.min()), float(X.max())
    if low == high:
        return {}
    shares = np.linspace(0.0, 1.0, points)
    grid = (low * (1 - shares) + high * shares)[:, np.newaxis]  # high − low may be beyond float64
    try:
        return {"curve_X": grid, "curve_y": predict_model(model, grid, schema)}
    except Exception:  # noqa: BLE001  a model may raise anything; a missing plot must not fail a fit
        return {}
