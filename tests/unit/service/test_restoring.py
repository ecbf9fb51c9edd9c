"""A version is published only if the model that is restored from it predicts as the model that was fitted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from app.errors import ModelFailed
from app.model.base import Array, Regressor
from app.model.models import MultivariateRegressor, PolynomialRegressor
from app.model.own_estimators import OwnEstimator
from app.schemas.requests import Work
from app.schemas.tables import Table
from app.service.fitting import FitSpec, fit
from app.storage.model_store import Store

X = np.arange(12.0).reshape(-1, 1)
Y = X[:, 0] ** 2


class Mean(Regressor):
    """The mean of y, kept under the name in `attribute`."""

    name = "mean"
    attribute = "mean_"

    def fit(self, X: ArrayLike, y: ArrayLike) -> "Mean":
        setattr(self, self.attribute, float(np.mean(np.asarray(y))))
        return self

    def predict(self, X: ArrayLike) -> Array:
        return np.full(len(np.asarray(X)), getattr(self, self.attribute))


class Underscored(Mean):
    attribute = "_mean"


class Bare(Mean):
    attribute = "mean"


class Both(Mean):
    attribute = "_mean_"


class Mangled(Mean):
    attribute = "_Mangled__mean"


class Prepared(Mean):
    """Derived state that `prepare` makes again needs no name of its own."""

    attribute = "_mean"

    def fit(self, X: ArrayLike, y: ArrayLike) -> "Prepared":
        self.kept_ = float(np.mean(np.asarray(y)))
        self.prepare()
        return self

    def prepare(self) -> None:
        self._mean = self.kept_


class Declared(Mean):
    """An attribute that is there from the start, without its value."""

    attribute = "_mean"

    def __init__(self) -> None:
        self._mean = 0.0


class Unprepared(Declared):
    """The restored model raises."""

    def __init__(self) -> None:
        self._mean: Any = None

    def predict(self, X: ArrayLike) -> Array:
        return np.full(len(np.asarray(X)), self._mean + 0.0)


class Refusing(Unprepared):
    """The restored model says that it is not fitted, in the way in which models refuse data."""

    def predict(self, X: ArrayLike) -> Array:
        if self._mean is None:
            raise ValueError("not fitted yet")
        return super().predict(X)


class Dependent(Prepared):
    """Its `prepare` needs what is not kept."""

    def prepare(self) -> None:
        self._mean = self._factor * self.kept_

    def fit(self, X: ArrayLike, y: ArrayLike) -> "Dependent":
        self._factor = 1.0
        super().fit(X, y)
        return self


class Forgetful(Mean):
    """It leaves out on purpose what it needs."""

    def learned(self) -> dict[str, Any]:
        return {}


class ByIdentity(Mean):
    """It knows the very array that it was fitted on, and gives back y for it."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> "ByIdentity":
        self.address_, self.y_ = np.asarray(X).ctypes.data, np.asarray(y).copy()
        self.mean_ = float(self.y_.mean())
        return self

    def predict(self, X: ArrayLike) -> Array:
        return self.y_ if np.asarray(X).ctypes.data == self.address_ else super().predict(X)


def publish(estimator: Regressor, folder: Path, X: Array = X, y: Array = Y) -> int:
    """Fit and publish."""
    table = Table(X, y)
    return fit(
        OwnEstimator(type(estimator)),
        table,
        FitSpec(Work("fit", "m", None, estimator.get_params(), table), "job", 0.0),
        Store(folder),
    )[0]


RESTORED = "restored from what is stored, the model "


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        (Underscored, "`_mean` is not stored; call it `mean_`"),
        (Bare, "`mean` is not stored; call it `mean_`"),
        (Both, "`_mean_` is not stored; call it `mean_`"),
        (Mangled, "`_Mangled__mean` is not stored; call it `mean_`"),
        (Declared, RESTORED + "predicted otherwise than before: `_mean` is not stored; call it `mean_`"),
        (Unprepared, RESTORED + "raised TypeError: `_mean` is not stored; call it `mean_`"),
        (Refusing, RESTORED + "raised ValueError: `_mean` is not stored; call it `mean_`"),
        (
            Dependent,
            RESTORED + "raised AttributeError: `_factor` is not stored; call it `factor_`; "
            "`_mean` is not stored; call it `mean_`",
        ),
        (Forgetful, "`mean_` is not stored"),
    ],
)
def test_what_would_not_be_kept_fails_the_fit_by_name(kind: type[Regressor], detail: str, tmp_path: Path) -> None:
    """And nothing is left behind."""
    with pytest.raises(ModelFailed) as failed:
        publish(kind(), tmp_path)
    assert str(failed.value) == detail
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [Mean, Prepared, ByIdentity, MultivariateRegressor, PolynomialRegressor])
def test_what_is_kept_is_published(kind: type[Regressor], tmp_path: Path) -> None:
    """Also where derived state has another name, and where the very array of the fit is short-cut."""
    assert publish(kind(), tmp_path) == 1


@pytest.mark.parametrize("rows", [1, 2, 9, 5_000])
def test_any_number_of_rows_will_do(rows: int, tmp_path: Path) -> None:
    """A few of them are predicted."""
    X = np.random.default_rng(1).normal(size=(rows, 2))
    assert publish(PolynomialRegressor(degree=2), tmp_path, X, np.column_stack((X, X[:, 0]))) == 1
