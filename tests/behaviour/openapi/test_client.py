"""A client that openapi-python-client generates from /openapi.json fits, predicts and scores, in both modes."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import WAIT_S, Api
from tests.support.servers import BIN
from tests.support.trinity import trinity

HERE = Path(__file__).parent
PACKAGE = "generated_trinity"
CHURN = "city,months,paid,left\nBern,1,true,yes\nRome,20,false,no\nBern,3,false,yes\nRome,30,true,no\nBern,15,true,no\n"


@pytest.fixture(params=["inline", "redis"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    with trinity(request.param, tmp_path / "trinity", TRINITY_MODELS="app.model.models") as api:
        api.csv("models/churn/fit", CHURN, target="left", estimator="logistic")
        yield api


@pytest.fixture
def module(running: Api, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """The modules of a generated client, removed after the test."""
    options = ["--output-path", tmp_path / PACKAGE, "--config", HERE / "client.yaml", "--meta", "none"]
    command = [BIN / "openapi-python-client", "generate", "--url", f"{running.http.base_url}/openapi.json", *options]
    made = subprocess.run([*command, "--fail-on-warning"], capture_output=True, text=True, timeout=90, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(tmp_path))
    try:
        yield lambda name: importlib.import_module(f"{PACKAGE}.{name}")
    finally:
        sys.path.remove(str(tmp_path))
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]


@pytest.mark.slow
def test_the_trinity(running: Api, module: Callable[[str], Any]) -> None:
    """Fit, predict and score with typed requests and results; a queued job is awaited."""
    models, trinity_api = module("models"), "api.trinity"

    def ended(answer: Any) -> Any:
        """The job of an answer, when it has ended."""
        assert answer.status_code == (202 if running.queued else 200)
        job = answer.parsed
        if running.queued:
            job = module("api.jobs.get_job").sync(job.id, client=client, wait=WAIT_S)
        assert type(job) is type(answer.parsed)
        assert job.status == "SUCCESS"
        return job

    with module("client").Client(base_url=str(running.http.base_url), timeout=WAIT_S + 10) as client:
        source = models.DummySource(source="dummy", params=models.DummyParams(number=100, noise=0.0))
        body = models.FitBody(params=models.PolynomialParams(degree=3), data=source)
        fitted = ended(module(f"{trinity_api}.fit").sync_detailed(client=client, body=body))
        assert fitted.result.terms == ["1", "x", "x^2", "x^3"]
        assert fitted.result.coefficients == pytest.approx([3.0, 0.4, -3.0, 2.0])
        points = models.PredictBody(data=models.Points(x=[[0.0], [1.0]]), version=fitted.version)
        predicted = ended(module(f"{trinity_api}.predict").sync_detailed(client=client, body=points))
        assert predicted.result.y == pytest.approx([3.0, 2.4])
        pairs = models.ScoreBody(data=models.Pairs(x=[[0.0], [1.0]], y=[3.0, 2.4]))
        scored = ended(module(f"{trinity_api}.score_model").sync_detailed("polynomial", client=client, body=pairs))
        assert (scored.result.n, scored.result.r2) == (2, pytest.approx(1.0))


def test_a_model_has_types_of_its_own(running: Api, module: Callable[[str], Any]) -> None:
    """Its rows have a member for each column, and what it predicts is one of its labels."""
    models = module("models")
    row = models.ChurnPredictRow(city=models.ChurnPredictRowCity.BERN, months=2.0, paid=True)
    body = models.ChurnPredictBody(data=models.ChurnPredictData(x=[row]))
    with module("client").Client(base_url=str(running.http.base_url), timeout=WAIT_S + 10) as client:
        options = {"prefer": f"wait={WAIT_S}"} if running.queued else {}
        job = module("api.trinity.churn_predict").sync(client=client, body=body, **options)
    assert type(job) is models.ChurnPredictJob
    assert job.result.y == [models.ChurnPredictionsYItem.YES]


def test_refusals_are_typed(running: Api, module: Callable[[str], Any]) -> None:
    """An invalid request gets a problem with its pointer."""
    models = module("models")
    body = models.FitBody(params=models.PolynomialParams(degree=51))
    with module("client").Client(base_url=str(running.http.base_url)) as client:
        problem = module("api.trinity.fit").sync(client=client, body=body)
        assert (problem.status, problem.errors[0].pointer) == (422, "/params/degree")
