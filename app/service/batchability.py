"""Whether predictions of a version may share a call: whether a row's prediction depends on the other rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from app.model.agreement import ORDER, agreement, differing_row
from app.model.estimator import FittedModel
from app.schemas.tables import Matrix
from app.schemas.tasks import Stacks
from app.settings import Stacking

STACKED: dict[Stacking, frozenset[Stacks]] = {
    "on": frozenset({"exact", "close"}),
    "exact": frozenset({"exact"}),
    "off": frozenset(),
}
"""The versions whose predictions share calls, by the setting TRINITY_STACKING."""
STACK_ROWS = 256  # maximum rows of a shared call: more gain little, and other requests wait longer
ROWS = 16  # how many rows are predicted alone
MAX_S = 1.0  # after so many seconds no further row is predicted alone predicted alone

Answers: TypeAlias = list[Matrix]


class Difference(NamedTuple):
    """A row whose predictions alone and together differ: its position in X, and both predictions."""

    row: int
    alone: float
    together: float
    rows: int
    """How many rows it was together with, itself among them."""
    of_probabilities: bool
    of_float32: bool
    """Whether the difference is as small as sums in float32 make it."""


class Comparison(NamedTuple):
    """What `compare_stacked` found; there is a difference where it is not "exact"."""

    stacks: Stacks
    difference: Difference | None = None


def find_stacks(model: FittedModel, X: Matrix, clock: Callable[[], float] = time.monotonic) -> Stacks:
    """Return the model's own value, or compare predictions for some rows of X: alone, together, and in a full stack.

    "exact": identical to the last bit; "close": equal within rounding, with the same labels; "no": anything else.
    """
    if model.stacks is not None:
        return model.stacks
    try:
        return compare_stacked(model, X, clock).stacks
    except Exception:  # noqa: BLE001  a user's code, which may refuse rows alone or together
        return "no"


def compare_stacked(model: FittedModel, X: Matrix, clock: Callable[[], float] = time.monotonic) -> Comparison:
    """Compare some rows of X alone with the same together and in a full stack; may raise anything."""
    rows = np.unique(np.linspace(0, len(X) - 1, ROWS).round().astype(np.intp))
    chosen = X[rows]
    together = [_answers(model, chosen), _answers(model, chosen[np.resize(np.arange(len(chosen)), STACK_ROWS)])]
    ends_s = clock() + MAX_S
    alone: list[Answers] = []
    while len(alone) < len(chosen) and (not alone or clock() < ends_s):
        alone.append(_answers(model, chosen[len(alone) : len(alone) + 1]))
    found = Comparison("exact")
    for k in range(len(together[0])):
        one_by_one = np.concatenate([answers[k] for answers in alone])
        labels = k == 0 and model.classes is not None
        for answers in together:
            stacked = answers[k]
            stacks = agreement(one_by_one, stacked[: len(one_by_one)], labels=labels)
            if ORDER.index(stacks) > ORDER.index(found.stacks):
                found = Comparison(stacks, _difference(one_by_one, stacked, rows.tolist(), of_probabilities=k > 0))
    return found


def _difference(alone: Matrix, stacked: Matrix, rows: Sequence[int], *, of_probabilities: bool) -> Difference | None:
    """Return the row that differs most; None where even the shapes differ."""
    together = stacked[: len(alone)]
    if alone.shape != together.shape:
        return None
    at = differing_row(alone, together)
    one, other = np.atleast_1d(alone[at]), np.atleast_1d(together[at])
    widest = differing_row(one, other)
    of_float32 = agreement(alone, together, by_float32=True) == "close"
    values = float(one[widest]), float(other[widest])
    return Difference(rows[at], *values, len(stacked), of_probabilities, of_float32)


def _answers(model: FittedModel, X: Matrix) -> Answers:
    """Return all outputs of a model for a copy of rows, because a model may change its argument."""
    X = X.copy()
    return [model.predict(X), model.probabilities(X)] if model.has_probabilities else [model.predict(X)]
