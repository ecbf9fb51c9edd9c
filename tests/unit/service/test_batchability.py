"""Whether rows may share a call is found out for each version, and the setting says what is made of it."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from app.data.records import TableRecords
from app.model.base import Array
from app.model.own_estimators import OwnEstimator, OwnModel
from app.schemas.columns import Column
from app.schemas.requests import Request, Work
from app.schemas.tables import Table
from app.schemas.tasks import Stacks
from app.service import Service
from app.service.batchability import ROWS, STACK_ROWS, find_stacks
from app.settings import Stacking
from app.storage.model_store import Store
from tests.support.fakes import Mean

X = np.random.default_rng(0).normal(size=(100, 2))


class Told(Mean):
    """Predicts by a function of the test, and remembers how many rows came at once."""

    name = "told"

    def fit(self, X: Any, y: Any) -> Self:
        super().fit(X, y)
        return self.asked(lambda rows: rows[:, 0])

    def asked(self, answer: Callable[[Array], Array]) -> Self:
        self._answer, self.calls = answer, list[int]()
        return self

    def prepare(self) -> None:
        self.asked(lambda rows: rows[:, 0])

    def predict(self, X: Any) -> Array:
        self.calls.append(len(X))
        return self._answer(X)


class Rounded(Told):
    """Predicts nearly the same for rows alone and together."""

    name = "rounded"

    def predict(self, X: Any) -> Array:
        return super().predict(X) * (1 + 4e-13 * (len(X) > 1))


def model(answer: Callable[[Array], Array]) -> OwnModel:
    return OwnModel(Told().asked(answer), [Column("a", "number"), Column("b", "number")], None)


def refuse_alone(rows: Array) -> Array:
    if len(rows) == 1:
        raise KeyError("a bug")
    return rows[:, 0]


@pytest.mark.parametrize(
    ("answer", "stacks"),
    [
        (lambda rows: rows[:, 0] * 3, "exact"),
        (lambda rows: rows[:, 0] * (1 + 4e-13 * (len(rows) > 1)), "close"),
        (lambda rows: rows[:, 0] * (1 + 4e-13 * (len(rows) > ROWS)), "close"),
        (lambda rows: rows[:, 0] * (1 + 4e-12 * (len(rows) > ROWS)), "no"),
        (lambda rows: rows[:, 0] - rows[:, 0].mean(), "no"),
        (lambda rows: np.random.default_rng().normal(size=len(rows)), "no"),
        (refuse_alone, "no"),
    ],
    ids=["alone", "rounded", "rounded in a full stack", "nearly", "relative", "random", "refuses"],
)
def test_it_is_found_out(answer: Callable[[Array], Array], stacks: Stacks) -> None:
    """Rows alone are compared with rows together: to the last bit, but for rounding, or not the same."""
    assert find_stacks(model(answer), X) == stacks


def test_labels_are_never_close() -> None:
    """A classifier whose labels depend on the rows around is not stacked, however near the codes are."""
    moving = model(lambda rows: rows[:, 0] * (1 + 4e-13 * (len(rows) > 1)))
    moving.classes = ["a", "b"]
    assert find_stacks(moving, X) == "no"


def test_what_a_class_says_is_not_tried() -> None:
    """A class that promises it, or forbids it, is believed."""
    for batchable, stacks in ((True, "exact"), (False, "no")):
        told = model(lambda rows: rows[:, 0])
        told.instance.batchable = batchable  # type: ignore[misc]
        assert find_stacks(told, X) == stacks
        assert told.instance.calls == []  # type: ignore[attr-defined]


def test_it_takes_few_calls_and_little_time() -> None:
    """A slow model is tried with as many rows as a second allows, one at least."""
    quick, slow = model(lambda rows: rows[:, 0]), model(lambda rows: rows[:, 0])
    find_stacks(quick, X)
    assert quick.instance.calls == [ROWS, STACK_ROWS] + [1] * ROWS  # type: ignore[attr-defined]
    seconds = count()
    assert find_stacks(slow, X, lambda: float(next(seconds))) == "exact"
    assert slow.instance.calls == [ROWS, STACK_ROWS, 1]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("stacking", "exact", "close"), [("on", STACK_ROWS, STACK_ROWS), ("exact", STACK_ROWS, 0), ("off", 0, 0)]
)
def test_the_setting_restricts_it(tmp_path: Path, stacking: Stacking, exact: int, close: int) -> None:
    """TRINITY_STACKING says whether exact versions are stacked, and those that are nearly so; manifests say which."""
    limits = {"max_design_bytes": 2**24, "max_answer_bytes": 2**24, "max_loaded_bytes": 2**24}
    kinds: tuple[type[Told], ...] = Told, Rounded
    models = {kind.name: OwnEstimator(kind) for kind in kinds}
    service = Service(models, "told", Store(tmp_path), {}, stacking=stacking, **limits)
    for name in models:
        service.run(service.check("fit", Request(name, data=TableRecords(Table(X, X[:, 0])))), name, 0.0)
    works = [Work("predict", name, 1, {}, Table(X[:1])) for name in models]
    assert [service.max_stack_rows(work) for work in works] == [0, 0]  # they are in memory from their first use on
    assert [service.fitted(name, 1).manifest.stacks for name in models] == ["exact", "close"]
    assert [service.max_stack_rows(work) for work in works] == [exact, close]
    assert [service.max_batch_rows(work) > 0 for work in works] == [exact > 0, close > 0]
