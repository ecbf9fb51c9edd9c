"""The OpenAPI document has schemas of each model's own rows and results: what they allow is what the service takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.support.api import Api, Json, problem
from tests.support.model_files import (
    FRAME_CSV,
    FRAME_ROWS,
    lightgbm_regressor,
    onnx_classifier,
    skops_pipeline,
    xgboost_classifier,
)
from tests.support.trinity import trinity
from tests.support.zoo_tables import table_of

OCTETS = {"Content-Type": "application/octet-stream"}
MIXED = "area,city,new,built,y\n50.5,Bern,true,2001-02-03,3\n70,Rome,false,2010-02-03,4\n61,Bern,false,2011-02-03,5\n"
NUMBERS = [[1.0, 2.0, 3.0, 4.0], [2, 0, -1.5, 4]]
FILES = {"onnx-file": onnx_classifier, "xgboost-file": xgboost_classifier, "lightgbm-file": lightgbm_regressor}


class Case(NamedTuple):
    """Rows that a model takes, y for its score, and rows that it does not take."""

    rows: list[Any]
    y: list[Any]
    bad: list[Any]


def list_cases(labels: list[Any]) -> Case:
    """Rows of four numbers."""
    return Case(NUMBERS, labels, [[1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3, "four"], [1, 2, 3, True]])


NAMED = {"x0": 1.5, "x1": 2, "x2": 3, "x3": 4}
OF_FLAT = {"area": 3.5, "city": "Bern", "new": True}
CASES: dict[str, Case] = {
    "multivariate": Case(
        [OF_FLAT, {**OF_FLAT, "city": "Rome", "new": False}],
        [3.0, 4.5],
        [
            {**OF_FLAT, "city": "Oslo"},
            {**OF_FLAT, "area": "3"},
            {**OF_FLAT, "area": None},
            {**OF_FLAT, "new": "yes"},
            {**OF_FLAT, "other": 1},
            {"area": 1, "city": "Bern"},
        ],
    ),
    "pair": Case([[1.0, 2.0], [0, 1]], [[1.0, 2.0], [2, 3]], [[1.0], [1, 2, 3], ["a", 1]]),
    "logistic": Case([NAMED], ["low"], [{**NAMED, "x0": None}, {**NAMED, "x9": 1}]),
    "ridge": Case([NAMED, {**NAMED, "x3": 3}], [3.0, 4.0], [{**NAMED, "x0": "a"}, {"x0": 1}]),
    "forest_classes": Case([NAMED, NAMED], ["low", "mid"], [{**NAMED, "x1": False}, {**NAMED, "z": 1}]),
    "hist_boosting": Case([{**NAMED, "x1": None}, NAMED], [3.0, 4.0], [{**NAMED, "x0": "a"}]),
    "skops-file": Case(
        [*FRAME_ROWS[:4], {**FRAME_ROWS[0], "city": "Chur"}],
        ["low", "mid", "top", "low", "mid"],
        [{**FRAME_ROWS[0], "a": "b"}, {**FRAME_ROWS[0], "city": 3}, {"city": "Bern"}],
    ),
    "onnx-file": list_cases(["low", "top"]),
    "xgboost-file": list_cases([0, 2]),
    "lightgbm-file": list_cases([1.5, 2.5]),
}


@pytest.fixture(scope="module", params=["inline", "redis"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A Trinity with models of every family."""
    models = "app.model.models,tests.support.zoo"
    with trinity(request.param, tmp_path_factory.mktemp("filled"), TRINITY_MODELS=models) as api:
        api.csv("models/multivariate/fit", MIXED, target="y", ignore="built")
        pairs = {"X": [[1, 2], [2, 1], [3, 5], [0, 1]], "y": [[1, 2], [2, 3], [3, 4], [4, 4]]}
        api.result("models/pair/fit", {"estimator": "multivariate", "data": pairs})
        api.csv("models/logistic/fit", table_of("forest_classes")[0], target="y")
        for name in ("ridge", "forest_classes", "hist_boosting"):
            api.csv(f"models/{name}/fit", table_of(name)[0], target="y")
        for name, sample in FILES.items():
            api.finished(api.http.post(f"/models/{name}/versions", content=sample().content, headers=OCTETS))
        form = {"file": ("model.skops", skops_pipeline().content), "sample": ("rows.csv", FRAME_CSV.encode())}
        api.finished(api.http.post("/models/skops-file/versions", files=form))
        yield api


@pytest.fixture(scope="module")
def document(filled: Api) -> Json:
    return filled.http.get("/openapi.json").json()


def schema_of(document: Json, name: str, verb: str, what: str) -> Draft202012Validator:
    """A validator of the body, or of the finished answer, of a verb of a model."""
    operation = document["paths"][f"/models/{name}/{verb}"]["post"]
    part = operation["requestBody"] if what == "body" else operation["responses"]["200"]
    schema = part["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": document["components"]})


def test_it_is_openapi_with_models_too(document: Json) -> None:
    validate(document)
    names = [said["operationId"] for each in document["paths"].values() for said in each.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", CASES)
def test_what_a_model_takes_and_answers_is_its_schema(filled: Api, document: Json, name: str) -> None:
    """Requests and answers of predict and score."""
    case = CASES[name]
    manifest = filled.http.get(f"/models/{name}/versions/latest").json()
    for verb, extra in (("predict", {}), ("predict", {"outputs": manifest["outputs"]}), ("score", {"y": case.y})):
        body = {"data": {"X": case.rows, **({"y": case.y} if verb == "score" else {})}}
        body |= {"outputs": extra["outputs"]} if "outputs" in extra else {}
        schema_of(document, name, verb, "body").validate(body)
        envelope = filled.call(f"models/{name}/{verb}", body)
        assert envelope["status"] == "SUCCESS", envelope
        answers = schema_of(document, name, verb, "answer")
        answers.validate(envelope)
        assert not answers.is_valid({**envelope, "result": {"y": ["no such label"], "z": 1}})


@pytest.mark.parametrize("name", CASES)
def test_bad_rows_are_not_of_the_schema(filled: Api, document: Json, name: str) -> None:
    """The service refuses them too."""
    body = schema_of(document, name, "predict", "body")
    for row in CASES[name].bad:
        wrong = {"data": {"X": [row]}}
        assert not body.is_valid(wrong), row
        problem(filled.post(f"models/{name}/predict", wrong), 422)


def test_columns_that_are_passed_over_may_be_there(filled: Api, document: Json) -> None:
    """Those of the fit's file that are no inputs; y of a score may stand among them, or beside the rows."""
    rows = [{**OF_FLAT, "built": "1999-01-01", "y": 4}, {**OF_FLAT, "built": None, "y": 5}]
    for verb in ("predict", "score"):
        body = {"data": {"X": rows}}
        schema_of(document, "multivariate", verb, "body").validate(body)
        filled.result(f"models/multivariate/{verb}", body)


def test_results_say_their_classes(document: Json) -> None:
    schemas = document["components"]["schemas"]
    labels = schemas["ForestClassesPredictions"]["properties"]["y"]["items"]
    assert labels == {"type": "string", "enum": ["high", "low", "mid"]}
    assert schemas["XgboostFilePredictions"]["properties"]["y"]["items"] == {"type": "integer", "enum": [0, 1, 2]}
    assert schemas["RidgePredictions"]["properties"]["y"]["items"] == {"type": "number"}
    assert schemas["PairPredictions"]["properties"]["y"]["items"]["maxItems"] == 2
    assert schemas["MultivariatePredictRow"]["properties"]["city"]["enum"] == ["Bern", "Rome"]


def test_the_document_follows_the_version_that_serves(tmp_path: Path) -> None:
    """It changes, with its ETag, when another version serves; one that is damaged leaves the rest as it is."""
    with trinity("inline", tmp_path, TRINITY_MODELS="app.model.models") as api:
        first = api.http.get("/openapi.json")
        api.result("models/multivariate/fit", {"data": {"X": [[1], [2], [4]], "y": [1, 2, 3]}})
        second = api.http.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
        assert second.status_code == 200
        again = api.http.get("/openapi.json", headers={"If-None-Match": second.headers["ETag"]})
        assert again.status_code == 304
        api.http.put("/models/multivariate/aliases/champion", json={"version": 1}).raise_for_status()
        api.result("models/multivariate/fit", {"data": {"X": [[1, 2], [2, 0], [4, 4], [1, 1]], "y": [1, 2, 3, 4]}})
        body = schema_of(api.http.get("/openapi.json").json(), "multivariate", "predict", "body")
        assert body.is_valid({"data": {"X": [[1]]}}) and not body.is_valid({"data": {"X": [[1, 2]]}})
        manifest = tmp_path / "store" / "models" / "multivariate" / "versions" / "1" / "manifest.json"
        manifest.chmod(0o644)
        manifest.write_text("{}", encoding="utf-8")
        damaged = api.http.get("/openapi.json")
        assert damaged.status_code == 200
        assert "/models/multivariate/predict" not in damaged.json()["paths"]
