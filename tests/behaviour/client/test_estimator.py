"""The estimator over HTTP in every mode: scikit-learn's own checks, and data as users have them."""

import pickle
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.utils.estimator_checks import check_estimator

from app import client as trinity
from app.client import Client
from tests.support.api import Api
from tests.support.servers import ROOT

RNG = np.random.default_rng(5)
X = RNG.normal(size=(60, 2))
Y = 3 + X @ [2.0, -1.0]


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    with Client(str(api.http.base_url)) as client:
        yield client


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Estimator .* does not inherit from:UserWarning")
@pytest.mark.filterwarnings(
    "ignore:.*(fewer rows than terms|terms? (is|are) redundant|digits of the coefficients):UserWarning"
)
@pytest.mark.parametrize("model", ["polynomial", "multivariate"])
def test_scikit_learn_accepts_it(client: Client, model: str) -> None:
    """All of scikit-learn's estimator checks pass over HTTP."""
    checks = check_estimator(client.model(model), on_skip=None, on_fail="raise")
    assert sum(check["status"] == "passed" for check in checks) > 40


def test_one_line(client: Client) -> None:
    """Fit and predict in one line; the fitted attributes are those of the service."""
    model = client.model("polynomial", degree=1).fit(X, Y)
    np.testing.assert_allclose(model.predict(X), Y, atol=1e-9)
    assert model.terms_ == ["1", "x1", "x2"]
    np.testing.assert_allclose(model.coefficients_, [3, 2, -1], atol=1e-9)
    assert model.score(X, Y) == pytest.approx(1)
    assert client.version("polynomial", model.version_)["metrics"] == model.metrics_


def test_lists_and_several_outputs(client: Client) -> None:
    """Lists are accepted; a y with columns predicts columns."""
    model = client.model("multivariate").fit(X.tolist(), np.column_stack([Y, -Y]).tolist())
    assert model.predict(X[:5].tolist()).shape == (5, 2)
    assert model.predict(X[:1]).shape == (1, 2)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_frames_bring_their_names(client: Client, frame: type) -> None:
    """Columns are matched by name: in another order they predict the same, unknown ones are refused with a pointer."""
    data = frame({"width": X[:, 0], "height": X[:, 1]})
    model = client.model("multivariate").fit(data, data["width"] * 2 - data["height"] + 3)
    assert list(model.feature_names_in_) == ["width", "height"]
    assert model.terms_ == ["1", "width", "height"]
    np.testing.assert_allclose(model.predict(data[["height", "width"]]), Y, atol=1e-9)
    with pytest.raises(trinity.Invalid, match="missing 'height'; unknown 'depth'") as refused:
        model.predict(frame({"width": X[:, 0], "depth": X[:, 1]}))
    assert (refused.value.status, refused.value.pointers) == (422, ["/data/columns"])


def test_names_on_one_side_are_a_warning(client: Client) -> None:
    """As in scikit-learn, not an error; it points to the caller's line."""
    frame = pd.DataFrame(X, columns=["a", "b"])
    named, bare = client.model("multivariate").fit(frame, Y), client.model("multivariate").fit(X, Y)
    with pytest.warns(UserWarning, match="does not have valid feature names") as without:
        named.predict(X)
    with pytest.warns(UserWarning, match="was fitted without feature names") as unexpected:
        bare.predict(frame)
    assert {warning.filename for warning in (*without, *unexpected)} == {__file__}


def test_another_process_predicts(client: Client) -> None:
    """A fitted estimator can be pickled, without the key; `fitted` finds a version by its number."""
    model = client.model("polynomial", degree=2).fit(X, Y)
    written = pickle.dumps(model)
    np.testing.assert_array_equal(pickle.loads(written).predict(X), model.predict(X))  # noqa: S301  our own bytes
    elsewhere = "import pickle, sys; print(pickle.load(sys.stdin.buffer).predict([[1.0, 2.0]])[0])"
    command = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", elsewhere]
    done = subprocess.run(command, cwd=ROOT, input=written, capture_output=True, check=True)
    assert float(done.stdout) == pytest.approx(3.0)
    again = client.fitted("polynomial", model.version_)
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_many_rows_are_several_requests(client: Client) -> None:
    """More rows than one body holds are predicted by one version."""
    model = client.model("multivariate").fit(X, Y)
    many = RNG.normal(size=(120_000, 2))
    expected = 3 + many @ [2.0, -1.0]
    np.testing.assert_allclose(model.predict(many), expected, atol=1e-9)
    np.testing.assert_allclose(client.predict(many, "multivariate"), expected, atol=1e-9)


def test_refusals(client: Client) -> None:
    """Bad parameters and models are errors with a message, a status and a pointer."""
    with pytest.raises(trinity.Invalid, match="<= 50") as invalid:
        client.model("polynomial", degree=51).fit(X, Y)
    assert (invalid.value.status, invalid.value.pointers) == (422, ["/params/degree"])
    with pytest.raises(TypeError, match="colour"):
        client.model("polynomial", colour="red")
    with pytest.raises(trinity.NotFound, match="no model 'nope'"):
        client.model("nope")
    with pytest.raises(trinity.NotFitted, match="has not been fitted yet") as unfitted:
        client.predict(X, "never-fitted")
    assert unfitted.value.status == 404
    with pytest.raises(AttributeError, match="not fitted yet"):
        client.model("polynomial").predict(X)
    with pytest.raises(trinity.ModelFailed, match="KeyError") as failed:
        client.model("raising").fit(np.zeros((13, 1)), np.zeros(13))
    assert failed.value.status == 500


def test_numpy_alone_is_enough(api: Api) -> None:
    """A process without scikit-learn, pandas, polars and the server's packages fits and predicts."""
    script = f"""
import sys
banned = {{"sklearn", "pandas", "polars", "falcon", "celery", "gunicorn", "redis", "scipy", "uvicorn"}}
class Ban:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in banned:
            raise ImportError(name)
sys.meta_path.insert(0, Ban())
from app.client import Client
import numpy as np
X = np.arange(20.0).reshape(-1, 1)
with Client({str(api.http.base_url)!r}) as client:
    print(client.model("polynomial", degree=1).fit(X, 2 * X[:, 0]).predict([[4.0]]).round(6))
assert not banned & {{name.partition(".")[0] for name in sys.modules}}
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[8.]\n", "")
