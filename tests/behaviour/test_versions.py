"""Versions: every fit publishes one, and none ever changes."""

import pytest

from tests.behaviour.test_verbs import LINE
from tests.support.api import WAIT_S, Api, Json, problem


def steep(factor: float) -> Json:
    """The line, `factor` times as steep."""
    return {"X": list(LINE["X"]), "y": [factor * y for y in LINE["y"]]}


def test_versions_count_from_one(api: Api) -> None:
    """The first fit of a model is version 1, the next 2, and GET /models/{name} lists them."""
    model = "models/reserved"
    before = api.http.get(f"/{model}").json()
    assert before["versions"] == []
    versions = [api.result(f"{model}/fit", {"params": {"degree": 1}, "data": steep(k)})["version"] for k in (1, 2, 3)]
    assert versions == [1, 2, 3]
    assert api.call(f"{model}/predict", {"data": {"X": [[1]]}})["version"] == 3


def test_envelope_names_the_version(api: Api) -> None:
    """The envelope has the version that a fit made or a prediction used."""
    fitted = api.call("fit", {"model": "multivariate", "data": steep(1)})
    assert fitted["version"] == fitted["result"]["version"]
    assert api.call("predict", {"model": "multivariate", "data": {"X": [[1]]}})["version"] == fitted["version"]


def test_a_version_is_pinned(api: Api) -> None:
    """Predict and score use the requested version, whatever was fitted since."""
    old = api.result("fit", {"model": "multivariate", "data": steep(1)})["version"]
    new = api.result("fit", {"model": "multivariate", "data": steep(10)})["version"]
    assert new > old
    for version, y in ((old, 3), (new, 30)):
        body = {"model": "multivariate", "version": version, "data": {"X": [[1]]}}
        assert api.result("predict", body)["y"] == pytest.approx([y])
    body = {"model": "multivariate", "version": old, "data": steep(1)}
    assert api.result("score", body)["r2"] == pytest.approx(1)


@pytest.mark.parametrize("alias", ["latest", None])
def test_latest_follows_the_fits(api: Api, alias: str | None) -> None:
    """`latest`, or no version at all, is the newest fit."""
    for factor in (1, 5):
        version = api.result("fit", {"model": "multivariate", "data": steep(factor)})["version"]
        answer = api.call("predict", {"model": "multivariate", "version": alias, "data": {"X": [[1]]}})
        assert (answer["version"], answer["result"]["y"]) == (version, pytest.approx([3 * factor]))


def test_models_are_listed(api: Api) -> None:
    """GET /models names the shipped models and the user's own."""
    models = api.http.get("/models").json()["models"]
    assert {"polynomial", "multivariate", "reserved", "gated"} <= {model["name"] for model in models}


def test_a_model_shows_its_parameters(api: Api) -> None:
    """GET /models/{name} shows its parameters as JSON Schema."""
    page = api.http.get("/models/polynomial")
    assert page.status_code == 200
    assert page.json()["name"] == "polynomial"
    assert {"degree", "interactions", "fit_intercept"} <= set(page.json()["params"]["properties"])


def test_a_version_shows_its_manifest(api: Api) -> None:
    """GET /models/{name}/versions/{n} shows parameters and metrics of that fit."""
    body = {"params": {"degree": 2}, "data": {"source": "dummy", "params": {"number": 30}}}
    result = api.result("fit", body)
    page = api.http.get(f"/models/polynomial/versions/{result['version']}")
    assert page.status_code == 200
    manifest = page.json()
    assert (manifest["model"], manifest["version"]) == ("polynomial", result["version"])
    assert manifest["params"]["degree"] == 2
    assert manifest["metrics"] == result["metrics"]


@pytest.mark.parametrize(
    "path", ["/models/nope", "/models/polynomial/versions/999999", "/models/never-fitted/versions/1"]
)
def test_unknown_models_and_versions(api: Api, path: str) -> None:
    """They are a 404."""
    problem(api.http.get(path), 404)


def test_a_version_that_could_not_predict_is_not_published(api: Api) -> None:
    """The fit fails, names the attribute that would not be kept, and there is no version afterwards."""
    body = {"model": "unkept", "data": {"X": [[1.0], [2.0]], "y": [1.0, 3.0]}}
    error = problem(api.post("fit", body, headers={"Prefer": f"wait={WAIT_S}"}), 500)
    assert error["type"].endswith("model-failed")
    assert error["detail"] == "`_mean` is not stored; call it `mean_`"
    assert api.http.get("/models/unkept").json()["versions"] == []
    problem(api.post("predict", {"model": "unkept", "data": {"X": [[1.0]]}}), 404)
