"""Fits that write to the arrays they are given spoil nothing: they are told, or work on copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pytest
from numpy.typing import ArrayLike
from sklearn.linear_model import LinearRegression

from app.data.records import TableRecords
from app.dispatch.execute import execute
from app.model.estimator import AnyEstimator
from app.model.own_estimators import OwnEstimator
from app.model.scikit.estimator import SklearnEstimator
from app.schemas.requests import Request, Table
from app.service import Service
from app.service.model_calls import CHANGES
from app.storage.model_store import Store
from tests.support.fakes import Mean

X = np.array([[1.0, 8.0], [2.0, 6.0], [4.0, 5.0], [7.0, 1.0]])
Y = np.array([3.0, 4.0, 6.0, 11.0])
WEIGHT = np.array([1.0, 1.0, 2.0, 1.0])
IN_PLACE: dict[str, Callable[[Any, Any, Any], Any]] = {
    "operator": lambda X, _y, _weight: np.subtract(X, X.mean(axis=0), out=X),
    "item": lambda X, _y, _weight: X.__setitem__(0, 0.0),
    "part": lambda X, _y, _weight: X[:, 0].fill(0.0),
    "order": lambda X, _y, _weight: X.sort(axis=0),
    "y": lambda _X, y, _weight: y.__setitem__(0, 0.0),
    "weight": lambda _X, _y, weight: weight.__setitem__(0, 0.0),
}


class Writing(Mean):
    """A mean that first writes to what it is given."""

    name = "writing"

    def __init__(self, how: str = "operator") -> None:
        self.how = how

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Write, then learn."""
        IN_PLACE[self.how](X, y, sample_weight)
        self.mean_ = np.asarray(y).mean(axis=0)
        return self


class Demanding(Mean):
    """A mean whose code demands arrays that it could write to, as typed memory views of Cython do."""

    name = "demanding"

    def __init__(self) -> None:
        super().__init__()

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn, and write."""
        values = np.asarray(X)
        if not values.flags.writeable:
            raise ValueError("buffer source array is read-only")
        values[:] = 0.0
        return super().fit(X, y)


def fitted(folder: Path, estimator: AnyEstimator, params: Mapping[str, Any], weight: Any = None) -> tuple[Any, Table]:
    """The outcome of a fit, and the table that it was given."""
    limits = {"max_design_bytes": 100_000, "max_answer_bytes": 100_000, "max_loaded_bytes": 100_000}
    service = Service({estimator.name: estimator}, estimator.name, Store(folder), {}, **limits)
    table = Table(X.copy(), Y.copy(), weight=weight)
    checked = service.check("fit", Request(data=TableRecords(table), params=dict(params)))
    return execute(service, checked, "job"), table


def is_untouched(table: Table) -> bool:
    return np.array_equal(table.X, X) and np.array_equal(table.y, Y) and table.X.flags.writeable


@pytest.mark.parametrize("how", IN_PLACE)
def test_a_fit_that_writes_to_its_arrays_is_told_to_copy(tmp_path: Path, how: str) -> None:
    outcome, table = fitted(tmp_path, OwnEstimator(Writing), {"how": how}, WEIGHT.copy())
    assert outcome.failure is not None
    assert outcome.failure.kind == "invalid"
    assert [each.detail for each in outcome.failure.errors] == [CHANGES]
    assert is_untouched(table) and np.array_equal(table.weight, WEIGHT)


def test_code_that_could_write_gets_copies(tmp_path: Path) -> None:
    outcome, table = fitted(tmp_path, OwnEstimator(Demanding), {})
    assert outcome.failure is None
    assert is_untouched(table)


def test_estimators_that_save_copies_copy_all_the_same(tmp_path: Path) -> None:
    """scikit-learn's `copy_X=False` permits writing, and does not demand it."""
    saving = LinearRegression(copy_X=False)
    outcome, table = fitted(tmp_path, SklearnEstimator("saving", saving, __name__), {})
    assert outcome.failure is None
    assert is_untouched(table)
    expected = LinearRegression().fit(X, Y).score(X, Y)
    assert msgspec.json.decode(outcome.result)["metrics"]["r2"] == pytest.approx(expected, abs=1e-12)
