"""A model is restored from what its version would keep, and must predict as before, or nothing is published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from app.errors import ModelFailed
from app.model.base import Regressor
from app.schemas.requests import Matrix
from app.service.model_calls import fault, predict_model
from app.storage.model_store import Arrays, Schema, pack_arrays, unpack_arrays

ROWS = 8
TOLERANCE = 1e-12
"""Relative to the greatest prediction: BLAS may add up in another order for arrays that lie elsewhere in memory."""


def check_restored(
    estimator: Regressor, params: dict[str, Any], learned: dict[str, Any], X: Matrix, of: Schema
) -> None:
    """Raise ModelFailed unless the model that is restored from what is stored predicts as `estimator` does.

    `learned` is what it would be restored from, with its parameters. Both predict copies of a few evenly spaced rows
    of X: some models recognise the array that they were fitted on.
    """
    state = set(vars(estimator))
    rows = np.unique(np.linspace(0, len(X) - 1, ROWS).round().astype(np.intp))
    expected = predict_model(estimator, X[rows], of)
    advice = _advice(sorted(state - set(params) - set(learned)))
    try:
        restored = _restore(estimator, params, learned)
        lost = sorted(state - set(vars(restored)) - set(learned))
        found = expected if lost else predict_model(restored, X[rows], of)
    except Exception as error:  # a model may raise anything
        raise _not_restored(estimator, f"raised {type(error.__cause__ or error).__name__}", advice) from error
    if lost:
        raise fault(estimator, _advice(lost))
    if not np.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE * np.abs(expected).max()):
        raise _not_restored(estimator, "predicted otherwise than before", advice)


def plain_and_arrays(learned: dict[str, Any]) -> tuple[dict[str, Any], Arrays]:
    """Split what was learned into what the manifest keeps, and the arrays in a file of their own."""
    arrays = {key: value for key, value in learned.items() if isinstance(value, np.ndarray)}
    return {key: value for key, value in learned.items() if key not in arrays}, arrays


def _restore(estimator: Regressor, params: dict[str, Any], learned: dict[str, Any]) -> Regressor:
    """Restore a model by way of the bytes that are stored."""
    plain, arrays = plain_and_arrays(learned)
    params, plain = msgspec.json.decode(msgspec.json.encode((params, plain)))
    return type(estimator).restore(params, {**plain, **unpack_arrays(pack_arrays(arrays))})


def _not_restored(estimator: Regressor, what: str, advice: str) -> ModelFailed:
    return fault(estimator, f"restored from what is stored, the model {what}" + (f": {advice}" if advice else ""))


def _advice(names: Iterable[str]) -> str:
    """Say which attributes are not stored, and what to call them."""
    return "; ".join(
        f"`{name}` is not stored" + (f"; call it `{new}`" if (new := _stored_name(name)) != name else "")
        for name in names
    )


def _stored_name(name: str) -> str:
    """Return a name that is stored: `mean_` for `_mean`, `mean`, `_mean_`, and for the `__mean` of a class."""
    own = name.rpartition("__")[2] if name.startswith("_") and not name.endswith("__") else name
    return own.strip("_") + "_"
