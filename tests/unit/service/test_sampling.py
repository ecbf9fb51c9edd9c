"""What is kept of a fit: evenly spaced rows within bounds, with digests over them; nothing when none is wanted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from app.errors import Damaged
from app.model.base import Array, Regressor
from app.model.models import PolynomialRegressor
from app.model.own_estimators import OwnEstimator
from app.schemas.requests import Work
from app.schemas.tables import Table
from app.service.fitting import FitSpec, fit
from app.service.sampling import CURVE_POINTS, SAMPLE_BYTES
from app.storage.manifest import SAMPLE
from app.storage.model_store import Store


class Brittle(Regressor):
    """A model that knows only what it has seen."""

    name = "brittle"

    def fit(self, X: ArrayLike, y: ArrayLike) -> "Brittle":
        self.seen_ = np.column_stack((X, y)).tolist()
        return self

    def predict(self, X: ArrayLike) -> Array:
        seen = dict(self.seen_)
        return np.array([seen[float(x)] for (x,) in np.asarray(X)])


def kept(folder: Path, X: Array, y: Array, rows: int = 200, model: Regressor | None = None) -> dict[str, Any]:
    """The sample of a fit that was stored and read back."""
    store = Store(folder)
    estimator = model or PolynomialRegressor(degree=1)
    work = Work("fit", "m", None, estimator.get_params(), Table(X, y))
    version, _ = fit(OwnEstimator(type(estimator)), Table(X, y), FitSpec(work, "job", 0.0, sample_rows=rows), store)
    return store.sample(store.manifest("m", version))


def test_few_rows_are_kept_as_they_are(tmp_path: Path) -> None:
    """With their predictions, and a curve from the least to the greatest x."""
    X, y = np.array([[3.0], [1.0], [2.0]]), np.array([6.0, 2.0, 4.0])
    found = kept(tmp_path, X, y)
    assert found["X"].tolist() == X.tolist()
    assert found["y"].tolist() == y.tolist()
    assert found["predicted"] == pytest.approx(y)
    assert (found["curve_X"][0, 0], found["curve_X"][-1, 0], len(found["curve_X"])) == (1.0, 3.0, CURVE_POINTS)
    assert found["curve_y"] == pytest.approx(2 * found["curve_X"][:, 0])


def test_of_many_rows_some_are_kept_evenly(tmp_path: Path) -> None:
    """From the first to the last."""
    X = np.arange(10_000.0)[:, np.newaxis]
    found = kept(tmp_path, X, X[:, 0], rows=100)["X"][:, 0]
    assert (len(found), found[0], found[-1]) == (100, 0.0, 9_999.0)
    assert set(np.diff(found)) == {101.0}


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (1, 300), (16, 1), (300, 4)])
def test_a_sample_is_bounded(tmp_path: Path, inputs: int, outputs: int) -> None:
    """64 KiB on the disk, however wide the data and however many rows are wished for."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(5_000, inputs)), generator.normal(size=(5_000, outputs))
    found = kept(tmp_path, X, y, rows=5_000)
    assert len(found["X"]) == len(found["y"]) == len(found["predicted"]) > 1
    assert SAMPLE_BYTES / 2 < (tmp_path / "models/m/versions/1/sample.npz").stat().st_size <= SAMPLE_BYTES


def test_none_is_kept_when_none_is_wanted(tmp_path: Path) -> None:
    """No file and no word of it in the manifest, as in versions of before."""
    assert kept(tmp_path, np.eye(3)[:, :1], np.arange(3.0), rows=0) == {}
    assert SAMPLE not in Store(tmp_path).manifest("m", 1).data
    assert not (tmp_path / "models/m/versions/1/sample.npz").exists()


def test_a_row_too_wide_is_not_kept(tmp_path: Path) -> None:
    assert kept(tmp_path, np.ones((2, 9_000)), np.ones(2), model=Constant()) == {}


def test_extreme_numbers_have_a_curve_too(tmp_path: Path) -> None:
    """The width of the data may be over the largest number there is."""
    X = np.array([[-1.7e308], [0.0], [1.7e308]])
    assert np.isfinite(kept(tmp_path, X, np.zeros(3), model=Constant())["curve_X"]).all()


def test_a_model_that_fails_between_the_points_is_fitted_all_the_same(tmp_path: Path) -> None:
    """Without the curve."""
    found = kept(tmp_path, np.array([[1.0], [2.0]]), np.array([1.0, 2.0]), model=Brittle())
    assert found.keys() == {"X", "y", "predicted"}


@pytest.mark.parametrize("content", [b"", b"other"])
def test_a_damaged_sample_is_reported(tmp_path: Path, content: bytes) -> None:
    """It is never drawn; predictions, which don't need it, go on."""
    kept(tmp_path, np.arange(3.0)[:, np.newaxis], np.arange(3.0))
    file = tmp_path / "models/m/versions/1/sample.npz"
    file.write_bytes(content) if content else file.unlink()
    store = Store(tmp_path)
    with pytest.raises(Damaged, match="damaged"):
        store.sample(store.manifest("m", 1))
    assert store.load("m", 1)


class Constant(Regressor):
    """A model of anything."""

    name = "constant"

    def fit(self, X: ArrayLike, y: ArrayLike) -> "Constant":
        self.value_ = 0.0
        return self

    def predict(self, X: ArrayLike) -> Array:
        return np.full(len(np.asarray(X)), self.value_)
