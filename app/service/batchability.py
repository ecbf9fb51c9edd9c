"""Whether predictions of a version may share a call: whether a row's prediction depends on the rows around it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from app.model.agreement import agreement, worst
from app.model.estimator import FittedModel
from app.schemas.tables import Matrix
from app.schemas.tasks import Stacks
from app.settings import Stacking

STACKED: dict[Stacking, frozenset[Stacks]] = {
    "on": frozenset({"exact", "close"}),
    "exact": frozenset({"exact"}),
    "off": frozenset(),
}
"""What is stacked, by the setting TRINITY_STACKING."""
STACK_ROWS = 256  # the most rows that requests share a call with: more gain little, and others wait longer
ROWS = 16  # that are predicted alone
MAX_S = 1.0  # after so many seconds no further row is

Answers: TypeAlias = list[Matrix]


def find_stacks(model: FittedModel, X: Matrix, clock: Callable[[], float] = time.monotonic) -> Stacks:
    """Return what a model says of itself, or what comes out for some rows of X: alone, together, and in a full stack.

    "exact": to the last bit the same; "close": but for rounding, with the same labels; "no": anything else.
    """
    if model.stacks is not None:
        return model.stacks
    rows = np.unique(np.linspace(0, len(X) - 1, ROWS).round().astype(np.intp))
    try:
        return _compare(model, X[rows], clock)
    except Exception:  # noqa: BLE001  anybody's code, which may refuse rows alone or together
        return "no"


def _compare(model: FittedModel, X: Matrix, clock: Callable[[], float]) -> Stacks:
    together = [_answers(model, X), _answers(model, X[np.resize(np.arange(len(X)), STACK_ROWS)])]
    ends_s = clock() + MAX_S
    alone: list[Answers] = []
    while len(alone) < len(X) and (not alone or clock() < ends_s):
        alone.append(_answers(model, X[len(alone) : len(alone) + 1]))
    found: set[Stacks] = set()
    for k in range(len(together[0])):
        one_by_one = np.concatenate([answers[k] for answers in alone])
        labels = k == 0 and model.classes is not None
        found |= {agreement(one_by_one, answers[k][: len(one_by_one)], labels=labels) for answers in together}
    return worst(found)


def _answers(model: FittedModel, X: Matrix) -> Answers:
    """Return all that a model says of rows: a copy of them, because a model may change what it is given."""
    X = X.copy()
    return [model.predict(X), model.probabilities(X)] if model.has_probabilities else [model.predict(X)]
