"""How large the design of a model may be: judged by what the model says of it, before any of it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import Invalid
from app.model.base import Regressor
from app.schemas.wording import counted
from app.service.model_calls import model_errors

SOLUTION_COPIES = 4  # of the coefficients: scaled, in units of the data, and two for the work


class DesignLimit(NamedTuple):
    """Refuses designs over TRINITY_MAX_DESIGN."""

    max_bytes: int

    def check(self, estimator: Regressor, rows: int, inputs: int, outputs: int) -> None:
        """Raise Invalid for a design that is too large, or what `model_errors` makes of the model's own errors."""
        with model_errors(estimator):
            terms = estimator.n_terms(inputs)
            design_bytes = estimator.design_bytes(rows, inputs)
        needed = max(design_bytes, rows * inputs * 8, SOLUTION_COPIES * terms * outputs * 8)
        if needed > self.max_bytes:
            least = "at least " if rows == 1 else ""
            size = f"{least}{counted(rows, 'row')} × {counted(terms, 'term')} and {counted(outputs, 'output')}"
            limit = f"over the limit of {self.max_bytes} (TRINITY_MAX_DESIGN)"
            raise Invalid.at("/data", f"{size} need {needed} bytes, {limit}")

    def check_groups(self, estimator: Regressor, groups: Sequence[int | None], rows: int = 1, outputs: int = 1) -> None:
        """Do as `check` for inputs of which these are indicators; the model keeps them."""
        with model_errors(estimator):
            estimator.set_indicators(groups)
        self.check(estimator, rows, len(groups), outputs)
