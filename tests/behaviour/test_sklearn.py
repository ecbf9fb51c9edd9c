"""Estimators of scikit-learn: fitted over HTTP, they predict after a restart what they do in a notebook."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from app.client import Client
from tests.support import zoo
from tests.support.api import WAIT_S, Api, Json, Mode, pointers, problem
from tests.support.servers import ROOT
from tests.support.trinity import trinity
from tests.support.zoo_tables import table_of

SETTINGS = {"TRINITY_MODELS": "app.model.models,tests.support.zoo", "WEB_CONCURRENCY": "1"}
HANDFUL = ["ridge", "forest", "hist_boosting", "neighbours_brute", "xgboost", "house_price", "boosted_house", "tfidf"]
HANDFUL += ["forest_classes", "hist_classes", "xgboost_classes", "churn", "churn_boosted", "topic"]
CSV = {"Content-Type": "text/csv"}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def names_of(mode: Mode) -> list[str]:
    return zoo.ALL if mode == "inline" else HANDFUL


@pytest.fixture(scope="module")
def directly() -> dict[str, Any]:
    """What each predicts in one process; BLAS has one thread there too."""
    code = "import app, runpy; runpy.run_module('tests.support.zoo_tables', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def fit(api: Api, name: str, **query: Any) -> Json:
    table, targets, _ = table_of(name)
    return api.csv(f"models/{name}/fit", table, target=targets, **query)


def predict(api: Api, name: str) -> list[Any]:
    """The predictions for the data of the fit, and for rows that are new; then the probabilities of the first."""
    fitted, _, other = table_of(name)
    found = [api.csv(f"models/{name}/predict", table)["y"] for table in (fitted, other)]
    manifest = api.http.get(f"/models/{name}/versions/1").json()
    if "probabilities" in manifest["outputs"]:
        found.append(api.csv(f"models/{name}/predict", fitted, outputs="probabilities")["probabilities"])
    return found


@pytest.fixture(scope="module", params=["inline", "redis", "rabbit"])
def restarted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A Trinity that has loaded no version yet; another one fitted them, and predicted too."""
    mode: Mode = request.param
    folder = tmp_path_factory.mktemp(f"zoo-{mode}")
    with trinity(mode, folder / "before", **SETTINGS, TRINITY_STORE=str(folder / "store")) as api:
        for name in names_of(mode):
            fit(api, name)
        predict(api, "hist_boosting")
    with trinity(mode, folder / "after", **SETTINGS, TRINITY_STORE=str(folder / "store")) as api:
        yield api


def test_every_prediction_is_the_same_to_the_last_bit(restarted: Api, directly: dict[str, Any]) -> None:
    """Of some 90 estimators in sync mode, of some over each broker: whatever columns they take, labels or numbers."""
    names = names_of(restarted.mode)
    assert len(zoo.REGRESSORS) > 40 and len(zoo.CLASSIFIERS) > 30
    differing = {name: found for name in names if (found := predict(restarted, name)) != directly[name]}
    assert differing == {}


def test_they_are_described_like_models_of_ones_own(restarted: Api) -> None:
    """With the parameters of scikit-learn, and what they are made of."""
    described = restarted.http.get("/models/ridge").json()
    assert described["params"]["properties"]["max_iter"]["anyOf"][0] == {"type": "integer", "minimum": 1}
    assert described["params"]["properties"]["solver"]["default"] == "auto"
    assert described["takes_missing"]
    manifest = restarted.http.get("/models/house_price/versions/1").json()
    assert (manifest["format"], list(manifest["files"])) == ("skops", ["model.skops"])
    assert {"scikit-learn", "skops"} <= manifest["libraries"].keys()
    document = restarted.http.get("/openapi.json").json()
    assert "ridge__alpha" in document["components"]["schemas"]["House_priceParams"]["properties"]
    assert "house_price" in restarted.http.get("/?model=house_price", headers={"Accept": "text/html"}).text


@pytest.mark.parametrize(
    ("params", "pointer"),
    [({"alpha": -1}, "/params/alpha"), ({"solver": "none"}, "/params/solver"), ({"memory": "cache"}, "/params/memory")],
)
def test_parameters_are_checked(restarted: Api, params: Json, pointer: str) -> None:
    """Before anything is queued; no request sets what could reach files."""
    body = {"params": params, "data": {"X": [[1], [2], [3]], "y": [1, 2, 4]}}
    assert pointers(problem(restarted.post("models/ridge/fit", body), 422)) == [pointer]


def test_parameters_and_weights_change_the_fit(restarted: Api) -> None:
    """And are kept with the version."""
    data = {"X": [[1], [2], [3]], "y": [1, 2, 4]}
    plain = restarted.result("models/forest/fit", {"data": data, "params": {"n_estimators": 3, "max_depth": 1}})
    weighted = restarted.result(
        "models/forest/fit",
        {"data": {**data, "sample_weight": [1, 1, 100]}, "params": {"n_estimators": 3, "max_depth": 1}},
    )
    assert plain["metrics"] != weighted["metrics"]
    params = restarted.http.get(f"/models/forest/versions/{plain['version']}").json()["params"]
    assert (params["n_estimators"], params["max_depth"], params["random_state"]) == (3, 1, 0)
    refused = problem(restarted.post("models/mlp/fit", {"data": data, "weight": "w"}), 422)
    assert "takes no weights" in refused["detail"] or refused["detail"]


def test_the_client_and_the_command_line_name_their_parameters(restarted: Api, tmp_path: Path) -> None:
    """As those of models of one's own."""
    table, _, other = table_of("house_price")
    rows = [dict(zip(("city", "area", "rooms", "new"), cells, strict=True)) for cells in (("Bern", 50.5, 3, True),) * 4]
    with Client(str(restarted.http.base_url)) as client:
        model = client.model("house_price", ridge__alpha=3.5).fit(rows, [1.0, 2.0, 3.0, 4.0])
        assert model.predict(rows[:1]) == pytest.approx(2.5)
        with pytest.raises(TypeError):
            client.model("house_price", memory="cache")
    (tmp_path / "houses.csv").write_text(table)
    (tmp_path / "new.csv").write_text(other)
    command = [sys.executable, "-m", "app"]
    chosen = ["--model", "house_price", "--server", str(restarted.http.base_url)]
    fit = [*command, "fit", str(tmp_path / "houses.csv"), "--target", "y", "--param", "ridge__alpha=0.5", *chosen]
    subprocess.run(fit, cwd=ROOT, check=True, capture_output=True)
    manifest = restarted.http.get("/models/house_price/versions/latest").json()
    assert manifest["params"]["ridge__alpha"] == 0.5
    predict = [*command, "predict", str(tmp_path / "new.csv"), *chosen]
    printed = subprocess.run(predict, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert len(printed.split()) >= 2


def test_what_an_estimator_refuses_is_said_in_its_words(restarted: Api) -> None:
    """Missing values and texts that it cannot use; the columns are checked before."""
    refused = restarted.post("models/ridge/fit", {"data": {"X": [[1], [None], [3]], "y": [1, 2, 4]}})
    if refused.status_code == HTTPStatus.ACCEPTED:
        error = restarted.finished(refused)["error"]
    else:
        error = problem(refused, 422)
    assert "contains NaN" in error["detail"]
    wrong = restarted.post("models/house_price/predict", {"data": {"X": [{"city": 5}]}})
    assert "missing 'area', 'rooms'" in problem(wrong, 422)["detail"]


def test_a_gate_compares_on_rows_with_times(restarted: Api) -> None:
    """Which are read once, for the new version and the champion; in JSON and in a second file of a form."""
    table, _, _ = table_of("house_price")
    files = {"file": ("june.csv", table, "text/csv"), "promote_on": ("held.csv", table, "text/csv")}
    form = {"target": "y", "estimator": "house_price", "promote": "champion"}
    sent = restarted.http.post("/models/dated/fit", data=form, files=files, headers={"Prefer": f"wait={WAIT_S}"})
    first = restarted.finished(sent)["result"]["promotion"]
    assert first["promoted"] and first["score"] > 0
    rows = [
        {"city": "Bern", "area": 50.5 + i, "rooms": 3, "new": True, "built": f"19{70 + i}-01-11", "about": "a flat"}
        for i in range(6)
    ]
    data = {"X": rows, "y": [1.0, 2, 3, 4, 5, 6]}
    second = restarted.result("models/dated/fit", {"data": data, "promote": {"on": data}})["promotion"]
    assert second["promoted"] and second["champion_score"] < second["score"]
