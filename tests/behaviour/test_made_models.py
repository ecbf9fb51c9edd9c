"""Models under names of their own: made at their first fit, known to every process, listed, removed; in every mode."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from tests.behaviour.test_registry import put, served
from tests.behaviour.test_versions import steep
from tests.support.api import Api, Json, gate, only_queued, pointers, problem
from tests.support.trinity import trinity

NUMBER = count(1)


@pytest.fixture
def name(api: Api) -> Iterator[str]:
    """A name that no model has; at the end none has it."""
    found = f"houses-{next(NUMBER)}"
    yield found
    assert api.http.delete(f"/models/{found}").status_code in (200, 404)


def made(api: Api, name: str, factor: float = 1, **members: Json) -> Json:
    return api.result(f"models/{name}/fit", {"estimator": "multivariate", "data": steep(factor), **members})


def test_a_first_fit_makes_a_model(api: Api, name: str) -> None:
    """Afterwards it needs no estimator; its versions are its own."""
    problem(api.post(f"models/{name}/predict", {"data": {"X": [[1]]}}), 404)
    assert made(api, name)["version"] == 1
    assert served(api, model=name) == (1, 3)
    assert api.result(f"models/{name}/fit", {"data": steep(10)})["version"] == 2
    assert api.result("fit", {"model": name, "data": steep(100)})["version"] == 3
    assert served(api, model=name) == (3, 300)
    assert put(api, "champion", 1, model=name).status_code == 200
    assert served(api, model=name) == (1, 3)
    assert api.call("score", {"model": name, "version": 2, "data": steep(10)})["result"]["r2"] == pytest.approx(1)


def test_it_is_shown_like_any_other(api: Api, name: str) -> None:
    """With its estimator and that one's parameters; estimators are listed by themselves."""
    made(api, name, params={"fit_intercept": False})
    found = api.http.get(f"/models/{name}").json()
    assert (found["name"], found["estimator"], found["versions"]) == (name, "multivariate", [1])
    assert "fit_intercept" in found["params"]["properties"]
    listed = {model["name"]: model["estimator"] for model in api.http.get("/models").json()["models"]}
    assert listed[name] == "multivariate" and listed["polynomial"] == "polynomial"
    estimators = [each["name"] for each in api.http.get("/estimators").json()["estimators"]]
    assert name not in estimators and {"polynomial", "multivariate"} <= set(estimators)
    manifest = api.http.get(f"/models/{name}/versions/1").json()
    assert (manifest["model"], manifest["estimator_name"], manifest["params"]) == (
        name,
        "multivariate",
        {"fit_intercept": False},
    )
    assert api.http.get(f"/v2/models/{name}").json()["name"] == name
    assert f'trinity_model_version{{model="{name}"}} 1.0' in api.http.get("/metrics").text


def test_it_stays_of_its_estimator(api: Api, name: str) -> None:
    """Another one is a 409 that names it; the same one may be named again."""
    made(api, name)
    refused = problem(api.post(f"models/{name}/fit", {"estimator": "polynomial", "data": steep(1)}), 409)
    assert pointers(refused) == ["/estimator"] and "'multivariate'" in refused["detail"]
    assert made(api, name)["version"] == 2
    refused = problem(api.post("models/polynomial/fit", {"estimator": "multivariate", "data": steep(1)}), 409)
    assert pointers(refused) == ["/estimator"]
    assert api.result("models/polynomial/fit", {"estimator": "polynomial"})["version"]


def test_a_table_makes_a_model(api: Api, name: str) -> None:
    """CSV names the estimator in the query, forms in a field."""
    table = "x,y\n0,1\n1,3\n2,5\n"
    assert api.csv(f"models/{name}/fit", table, target="y", estimator="multivariate")["version"] == 1
    parts = {"files": {"file": ("t.csv", table, "text/csv")}, "data": {"target": "y", "estimator": "multivariate"}}
    assert api.finished(api.http.post(f"/models/{name}/fit", **parts))["result"]["version"] == 2  # type: ignore[arg-type]
    assert served(api, model=name) == (2, 3)


@pytest.mark.parametrize(
    ("path", "body", "status", "pointer"),
    [
        ("models/nowhere/fit", {"data": steep(1)}, 404, "/model"),
        ("models/nowhere/fit", {"estimator": "nope", "data": steep(1)}, 422, "/estimator"),
        ("models/nowhere/fit", {"estimator": 1, "data": steep(1)}, 422, "/estimator"),
        ("fit", {"model": "Nowhere", "estimator": "multivariate", "data": steep(1)}, 422, "/model"),
        ("fit", {"model": "../nowhere", "estimator": "multivariate", "data": steep(1)}, 422, "/model"),
        ("fit", {"model": ".", "estimator": "multivariate", "data": steep(1)}, 422, "/model"),
        ("fit", {"model": "", "estimator": "multivariate", "data": steep(1)}, 422, "/model"),
        ("fit", {"model": "a" * 65, "estimator": "multivariate", "data": steep(1)}, 422, "/model"),
        ("fit", {"model": "nowhere\n", "estimator": "multivariate", "data": steep(1)}, 422, "/model"),
        ("predict", {"model": "../models/polynomial", "data": {"X": [[1]]}}, 404, "/model"),
        ("predict", {"model": "nowhere", "estimator": "multivariate", "data": {"X": [[1]]}}, 422, "/estimator"),
    ],
)
def test_what_makes_no_model(api: Api, path: str, body: Json, status: int, pointer: str) -> None:
    """Names are checked, estimators must be there, and only fits make models."""
    assert pointers(problem(api.post(path, body), status)) == [pointer]
    assert "nowhere" not in [model["name"] for model in api.http.get("/models").json()["models"]]


def test_a_fit_that_fails_makes_no_model(api: Api, name: str) -> None:
    """Nothing is listed, and another fit may choose another estimator; the metrics do not have its name."""
    body = {"estimator": "raising", "data": {"X": [[0.0]] * 13, "y": [0.0] * 13}}
    answer = api.post(f"models/{name}/fit", body, headers={"Prefer": "wait=30"})
    assert answer.status_code == 500 or api.finished(answer)["status"] == "FAILURE"
    problem(api.http.get(f"/models/{name}"), 404)
    assert name not in api.http.get("/metrics").text
    assert made(api, name)["version"] == 1


def test_two_first_fits_of_two_estimators(api: Api, name: str) -> None:
    """One makes the model, the other is refused before it or at its end."""

    def fit(estimator: str) -> tuple[str, int | None]:
        body = {"estimator": estimator, "data": steep(1)}
        answer = api.post(f"models/{name}/fit", body, headers={"Prefer": "wait=30"})
        return estimator, answer.json().get("version") if answer.status_code == 200 else None

    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(fit, ["multivariate", "polynomial"] * 4))
    winners = {estimator for estimator, version in ended if version}
    assert len(winners) == 1
    assert api.http.get(f"/models/{name}").json()["estimator"] in winners


def test_a_model_is_removed(api: Api, name: str) -> None:
    """With all it had: it is unknown at once, everywhere, and may be made anew of another estimator."""
    made(api, name)
    put(api, "champion", 1, model=name)
    assert served(api, model=name) == (1, 3)
    gone = api.http.delete(f"/models/{name}")
    assert (gone.status_code, gone.json()["model"]) == (200, name)
    for _ in range(4):
        assert pointers(problem(api.post(f"models/{name}/predict", {"data": {"X": [[1]]}}), 404)) == ["/model"]
        problem(api.http.get(f"/models/{name}"), 404)
        problem(api.http.get(f"/models/{name}/history"), 404)
    problem(api.http.delete(f"/models/{name}"), 404)
    assert api.result(f"models/{name}/fit", {"estimator": "polynomial", "params": {"degree": 1}, "data": steep(10)})
    assert served(api, model=name) == (1, 30)
    assert api.http.get(f"/models/{name}").json()["estimator"] == "polynomial"


@only_queued
def test_a_model_with_unfinished_jobs_is_not_removed(api: Api, name: str, tmp_path: Path) -> None:
    """A job that waits or runs would make it anew; once they have ended, it goes."""
    for words in ("no model", "1 jobs of model"):
        (tmp_path / words).mkdir()
        with gate(tmp_path / words) as pipe:
            body = {**pipe.body(), "model": name, "estimator": "gated"}
            job = api.post("fit", body, headers={"Prefer": "respond-async"})
            pipe.wait_for_fit()
            assert words in api.http.delete(f"/models/{name}").json()["detail"]
        assert api.finished(job)["status"] == "SUCCESS"


def test_models_are_known_after_a_restart(tmp_path: Path) -> None:
    """What one Trinity made, another on the same store serves."""
    with trinity("inline", tmp_path) as first:
        made(first, "houses")
    with trinity("inline", tmp_path) as second:
        assert served(second, model="houses") == (1, 3)
        assert "houses" in [model["name"] for model in second.http.get("/models").json()["models"]]
    with trinity("inline", tmp_path, TRINITY_MODELS="app.model.polynomial") as without:
        assert "houses" not in [model["name"] for model in without.http.get("/models").json()["models"]]
        refused = problem(without.post("models/houses/predict", {"data": {"X": [[1]]}}), 409)
        assert "'multivariate'" in refused["detail"]
