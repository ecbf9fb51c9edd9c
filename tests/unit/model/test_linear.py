"""Fits of every shape: several outputs, too few rows, redundant columns, values too large; and predictions."""

import copy
import gc
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from app.model.linear import LinearRegressor
from app.model.models import MultivariateRegressor, PolynomialRegressor
from app.model.predictor import FEW_ROWS

Array = NDArray[np.float64]


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"), [(5_000, 3, 1), (4_097, 2, 40), (900, 250, 2), (3_000, 200, 300)]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_merge_to_the_whole(rows: int, inputs: int, outputs: int, order: str) -> None:
    """Row blocks, narrow or wide, and any number of outputs give what one decomposition of everything gives."""
    rng = np.random.default_rng(1)
    X = np.asarray(rng.normal(size=(rows, inputs)), order=order)  # type: ignore[call-overload]
    y = rng.normal(size=(rows, outputs))
    expected = np.linalg.lstsq(np.column_stack((np.ones(rows), X)), y)[0]
    np.testing.assert_allclose(MultivariateRegressor().fit(X, y).coefficients_, expected, atol=1e-12)


def test_outputs_are_fitted_independently() -> None:
    """A fit of several outputs at once is the fit of each."""
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=(60, 3))
    together = PolynomialRegressor(degree=2).fit(X, y)
    for k in range(3):
        alone = PolynomialRegressor(degree=2).fit(X, y[:, k])
        np.testing.assert_allclose(together.coefficients_[:, k], alone.coefficients_, atol=1e-13)


@pytest.mark.parametrize("rows", [100, 50_000])
def test_redundant_columns_share_their_weight(rows: int) -> None:
    """A doubled column and a sum of columns lower the rank; of all solutions the shortest is taken."""
    rng = np.random.default_rng(3)
    Z = rng.normal(size=(rows, 3))
    X = np.column_stack((Z, Z[:, 0], Z[:, 1] + Z[:, 2]))
    model = MultivariateRegressor(fit_intercept=False).fit(X, Z[:, 0])
    assert model.rank_ == 3
    np.testing.assert_allclose(model.coefficients_, [0.5, 0, 0, 0.5, 0], atol=1e-9)


@pytest.mark.parametrize("inputs", [30, 300])
def test_fewer_rows_than_terms(inputs: int) -> None:
    """With too few rows the data are met exactly, by the shortest coefficients, and no warning is given."""
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(10, inputs)), rng.normal(size=10)
    model = MultivariateRegressor(fit_intercept=False).fit(X, y)
    assert model.rank_ == 10
    np.testing.assert_allclose(model.predict(X), y, atol=1e-12)
    assert np.linalg.norm(model.coefficients_) < 3 * np.linalg.norm(np.linalg.lstsq(X, y)[0])


def test_constant_inputs_and_outputs() -> None:
    """Columns that say nothing get no weight, and a constant is its own intercept."""
    model = PolynomialRegressor(degree=2).fit(np.full((20, 2), 7.0), np.full(20, 3.0))
    assert model.rank_ == 1
    np.testing.assert_allclose(model.coefficients_, [3, 0, 0, 0, 0, 0], atol=1e-14)
    np.testing.assert_array_equal(MultivariateRegressor(fit_intercept=False).fit([[0.0]], [5.0]).coefficients_, [0])


@pytest.mark.parametrize("model", [MultivariateRegressor(), PolynomialRegressor(degree=2)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rows", [20, 40_000])
def test_what_is_not_finite_is_found(model: MultivariateRegressor, bad: float, rows: int) -> None:
    """NaN and infinity are found in whichever row of X or y they hide."""
    rng = np.random.default_rng(5)
    for name, array in (("X", X := rng.normal(size=(rows, 3))), ("y", y := rng.normal(size=rows))):
        kept = array.flat[rows - 7]
        array.flat[rows - 7] = bad
        with pytest.raises(ValueError, match=f"Input {name} contains (NaN|infinity)"):
            model.fit(X, y)
        array.flat[rows - 7] = kept


def test_scales_at_the_ends_of_float64() -> None:
    """Huge and tiny values are fitted like any others, up to where float64 ends, and there is a clear error."""
    rng = np.random.default_rng(6)
    X = rng.uniform(-1, 1, size=(50, 2))
    for size in (1e-300, 1e-150, 1e150, 1e300):
        assert PolynomialRegressor(degree=1).fit(X * size, X[:, 0]).score(X * size, X[:, 0]) == pytest.approx(1)
    with pytest.raises(ValueError, match="too large"):
        MultivariateRegressor().fit(X, X[:, 0] * 1.7e308)
    with pytest.raises(ValueError, match="A prediction is beyond float64"):
        PolynomialRegressor().fit(X, X[:, 0] ** 3).predict([[1e200, 1e200]])
    with pytest.raises(ValueError, match="A prediction is beyond float64"):
        PolynomialRegressor().fit(X, X[:, 0] ** 3).predict(np.full((100, 2), 1e200))


@pytest.mark.parametrize(("inputs", "outputs"), [(1, ()), (3, ()), (2, (2,))])
def test_a_row_does_not_depend_on_its_neighbours(inputs: int, outputs: tuple[int, ...]) -> None:
    """A row predicts the same to the last bit alone, among few and among many, in either memory order."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(30_000, inputs))
    model = PolynomialRegressor().fit(X, rng.normal(size=(30_000, *outputs)))
    whole = model.predict(X)
    np.testing.assert_array_equal(model.predict(np.asfortranarray(X)), whole)
    for size in (1, 2, FEW_ROWS, FEW_ROWS + 1, 29_999):
        np.testing.assert_array_equal(model.predict(X[-size:]), whole[-size:])


@given(
    coefficients=arrays(np.float64, 6, elements=st.integers(-100, 100).map(float)),
    centre=st.integers(-50, 50),
    scale=st.sampled_from([0.25, 1.0, 8.0]),
)
@settings(max_examples=60, deadline=None)
def test_polynomials_are_recovered(coefficients: Array, centre: int, scale: float) -> None:
    """Noiseless data give back the polynomial that made them, wherever they lie."""
    u = np.array([(a, b) for a in range(-2, 3) for b in range(-2, 3)], dtype=float)
    X = centre + scale * u
    a, b = X.T
    design = np.column_stack((np.ones(25), a, b, a * a, a * b, b * b))
    model = PolynomialRegressor(degree=2).fit(X, design @ coefficients)
    size = np.abs(design).max(axis=0)
    np.testing.assert_allclose(model.coefficients_, coefficients, atol=1e-10 * (1 + abs(coefficients) @ size))


@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_order_of_rows_does_not_matter(random: object) -> None:
    """Shuffled rows give the same predictions but for rounding."""
    rng = np.random.default_rng(9)
    X, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    order = list(range(50))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = PolynomialRegressor().fit(X[order], y[order])
    np.testing.assert_allclose(shuffled.predict(X), PolynomialRegressor().fit(X, y).predict(X), atol=1e-12)


MEMORY = """
import resource, sys
import numpy as np
from app.model.models import MultivariateRegressor, PolynomialRegressor
X = np.random.default_rng(0).normal(size=(400_000, 16))
y = X[:, 0].copy()
MultivariateRegressor().fit(X[:5_000], y[:5_000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
MultivariateRegressor().fit(X, y)
PolynomialRegressor(degree=2).fit(X, y)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // (1024 if sys.platform == "linux" else 2**20))
"""


def test_memory_does_not_grow_with_the_rows() -> None:
    """A fit of 400,000 rows, whose design would take 490 MB, takes less than 32 MB beyond its data."""
    run = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 32


@pytest.mark.parametrize("model", [PolynomialRegressor(degree=4), MultivariateRegressor()])
def test_the_bytes_a_large_model_holds_are_counted(model: LinearRegressor) -> None:
    """What restoring one takes is what it says, within a tenth."""
    rng = np.random.default_rng(1)
    learned = model.fit(rng.normal(size=(50, 3)), rng.normal(size=(50, 2_000))).learned()
    gc.collect()
    tracemalloc.start()
    restored = model.restore(model.get_params(), copy.deepcopy(learned))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert restored.held_bytes() == pytest.approx(taken, rel=0.1)


def test_scipy_is_loaded_by_the_first_fit_only() -> None:
    """A process that only predicts pays neither for SciPy nor for scikit-learn."""
    code = "import sys, app.model.models; print({'scipy', 'sklearn', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_other_threads_run_during_a_fit() -> None:
    """No step of a fit, narrow or wide, keeps the interpreter lock for long: a waiting thread is soon woken."""
    rng = np.random.default_rng(10)
    X = rng.normal(size=(150_000, 18))
    gaps, done = [0.0], threading.Event()

    def watch() -> None:
        last = time.perf_counter()
        while not done.wait(0.001):
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    thread = threading.Thread(target=watch)
    thread.start()
    MultivariateRegressor().fit(X, X[:, 0])
    PolynomialRegressor(degree=2).fit(X[:50_000], X[:50_000, 0])
    PolynomialRegressor(degree=3).fit(X[:4_000, :12], X[:4_000, 0])
    done.set()
    thread.join()
    assert len(gaps) > 20
    assert sorted(gaps)[int(0.9 * len(gaps))] < 0.05
