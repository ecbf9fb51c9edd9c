"""Limits the size of a model's design, which the model computes before any of it is allocated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from app.errors import Invalid
from app.model.estimator import AnyEstimator, FittedModel, Size
from app.schemas.wording import counted
from app.service.model_calls import model_errors


class DesignLimit(NamedTuple):
    """Refuses designs over TRINITY_MAX_DESIGN."""

    max_bytes: int

    def check_fit(
        self,
        estimator: AnyEstimator,
        params: Mapping[str, Any],
        inputs: int | Sequence[int | None],
        rows: int = 1,
        outputs: int = 1,
    ) -> None:
        """Raise Invalid for a fit that needs too much memory; the model's own errors are converted by `model_errors`.

        `inputs` are as in AnyEstimator.size.
        """
        with model_errors(estimator.name):
            size = estimator.size(params, inputs, rows)
        self._check(size, rows, outputs)

    def check_use(self, model: FittedModel, name: str, rows: int, outputs: int) -> None:
        """Do as `check_fit` for a prediction of a fitted model."""
        with model_errors(name):
            size = model.size(rows)
        self._check(size, rows, outputs)

    def _check(self, size: Size, rows: int, outputs: int) -> None:
        needed = max(size.design_bytes, size.copies * size.terms * outputs * 8)
        if needed > self.max_bytes:
            least = "at least " if rows == 1 else ""
            text = f"{least}{counted(rows, 'row')} × {counted(size.terms, 'term')} and {counted(outputs, 'output')}"
            limit = f"over the limit of {self.max_bytes} (TRINITY_MAX_DESIGN)"
            raise Invalid.at("/data", f"{text} need {needed} bytes, {limit}")
