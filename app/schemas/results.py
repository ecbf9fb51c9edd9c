"""The results of the verbs, as the OpenAPI document describes them."""

from __future__ import annotations

import msgspec


class ScoreMetrics(msgspec.Struct):
    """How well predictions meet y, averaged over outputs; null: not defined, as R² of one row is."""

    r2: float | None
    rmse: float | None
    mae: float | None
    n: int


class FitResult(msgspec.Struct):
    """What a fit found; coefficients[i] belongs to terms[i], and is a row of numbers where y had rows."""

    version: int
    terms: list[str]
    coefficients: list[float | list[float]]
    metrics: ScoreMetrics


class Predictions(msgspec.Struct):
    """A number, or a row of numbers where y had rows, for each row of X."""

    y: list[float | list[float]]
