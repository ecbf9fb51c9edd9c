"""The results of the verbs, as the OpenAPI document describes them."""

from __future__ import annotations

import msgspec


class ScoreMetrics(msgspec.Struct):
    """How close predictions are to y, averaged over outputs; null where undefined, such as R² of one row."""

    r2: float | None
    rmse: float | None
    mae: float | None
    n: int


class FitResult(msgspec.Struct):
    """The result of a fit; coefficients[i] belongs to terms[i], and is a row of numbers where y has rows."""

    version: int
    terms: list[str]
    coefficients: list[float | list[float]]
    metrics: ScoreMetrics


class Predictions(msgspec.Struct):
    """A prediction for each row of X: a number, or a row of numbers where y has rows."""

    y: list[float | list[float]]
