"""What of a fit's rows is kept with the version, so that it can be drawn: few rows, evenly spaced, and the curve."""

from __future__ import annotations

import numpy as np

from app.errors import TrinityError
from app.model.base import Regressor
from app.schemas.requests import Matrix
from app.service.model_calls import predict_model
from app.storage.model_store import Arrays, Schema

SAMPLE_BYTES = 65_536
HEADER_BYTES = 2_048  # of the archive and of each array in it, together
CURVE_POINTS = 128


def sample(estimator: Regressor, X: Matrix, y: Matrix, y_predicted: Matrix, schema: Schema, max_rows: int) -> Arrays:
    """Return X, y and predictions of at most `max_rows` rows, evenly spaced; with one input, the curve between them.

    Together they take at most SAMPLE_BYTES; where not even a row has room, or none is wanted, nothing is kept.
    """
    outputs = len(schema.outputs)
    curved = X.shape[1] == 1
    room = (SAMPLE_BYTES - HEADER_BYTES) // (8 * (X.shape[1] + 2 * outputs + (1 + outputs) * curved))
    count = min(len(X), max_rows, room)
    if not count:
        return {}
    rows = np.linspace(0, len(X) - 1, count).round().astype(np.intp)
    kept = {"X": X[rows], "y": y[rows], "predicted": y_predicted[rows]}
    return kept | _curve(estimator, X, schema, min(CURVE_POINTS, room)) if curved else kept


def _curve(estimator: Regressor, X: Matrix, schema: Schema, points: int) -> Arrays:
    low, high = float(X.min()), float(X.max())
    if low == high:
        return {}
    shares = np.linspace(0.0, 1.0, points)
    grid = (low * (1 - shares) + high * shares)[:, np.newaxis]  # high − low may be too large a number
    try:
        return {"curve_X": grid, "curve_y": predict_model(estimator, grid, schema)}
    except TrinityError:
        return {}
    except Exception:  # noqa: BLE001  a model is anybody's code, and no fit may fail by what is only a picture of it
        return {}
