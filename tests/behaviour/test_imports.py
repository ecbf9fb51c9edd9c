"""Imports: files of models that were fitted elsewhere are versions that predict what their own libraries do."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from tests.support.api import WAIT_S, Api, Json, pointers, problem
from tests.support.model_files import (
    FRAME_CSV,
    FRAME_ROWS,
    LABELS,
    NUMBERS,
    ROWS,
    SAMPLES,
    ModelSample,
    X,
    lightgbm_regressor,
    onnx_regressor,
    skops_pipeline,
    skops_regressor,
    xgboost_regressor,
)
from tests.support.trinity import trinity

WAIT = {"Prefer": f"wait={WAIT_S}"}


def fresh() -> str:
    return f"imported-{uuid4().hex[:12]}"


def send(api: Api, name: str, content: bytes, **query: Any) -> httpx.Response:
    return api.http.post(f"/models/{name}/versions", content=content, params=query, headers=WAIT)


def send_form(api: Api, name: str, sample: ModelSample, rows: str | None = None, **fields: str) -> httpx.Response:
    parts: list[Any] = [
        ("file", (sample.name, sample.content)),
        *((key, (None, value)) for key, value in fields.items()),
    ]
    parts += [] if rows is None else [("sample", ("rows.csv", rows.encode()))]
    return api.http.post(f"/models/{name}/versions", files=parts, headers=WAIT)


def refused(api: Api, answer: httpx.Response) -> Json:
    """The problem of an import that is refused: by the answer, which waits for the job where there is a queue."""
    return problem(answer, 422)


def imported(api: Api, answer: httpx.Response) -> Json:
    envelope = api.finished(answer)
    assert envelope["status"] == "SUCCESS", envelope["error"]
    return envelope


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_file_predicts_over_http_what_its_library_does(api: Api, kind: str) -> None:
    sample, name = SAMPLES[kind](), fresh()
    envelope = imported(api, send(api, name, sample.content))
    assert (envelope["verb"], envelope["model"], envelope["version"]) == ("fit", name, 1)
    assert envelope["result"]["classes"] == sample.classes
    outputs = {} if sample.classes is None else {"outputs": ["y", "probabilities"]}
    found = api.result(f"models/{name}/predict", {"data": {"X": ROWS.tolist()}, **outputs})
    assert found["y"] == sample.y
    if sample.probabilities is not None:
        assert found["classes"] == sample.classes
        assert found["probabilities"] == sample.probabilities.astype(float).tolist()


def test_a_pipeline_takes_named_rows_with_text(api: Api) -> None:
    """Also a text that its own fit did not see."""
    sample, name = skops_pipeline(), fresh()
    result = imported(api, send_form(api, name, sample, FRAME_CSV))["result"]
    assert (result["format"], result["inputs"], result["classes"]) == ("skops", ["city", "a", "b", "n"], LABELS)
    found = api.result(f"models/{name}/predict", {"data": {"X": FRAME_ROWS}})
    assert found["y"] == sample.y
    one = api.result(f"models/{name}/predict", {"data": {"X": [{"city": "Chur", "a": 0.5, "b": 1.0, "n": 2}]}})
    assert len(one["y"]) == 1
    again = api.call(f"models/{name}/fit", {"data": {"X": FRAME_ROWS, "y": sample.y}})
    assert (again["status"], again["version"]) == ("SUCCESS", 2), again
    score = api.result(f"models/{name}/score", {"data": {"X": FRAME_ROWS, "y": sample.y}})
    assert score["classes"] == LABELS
    assert score["accuracy"] > 0.8


def test_texts_of_the_file_stay_texts_in_later_fits(api: Api) -> None:
    """The cities of the fit are digits in the CSV file of next month, and in the one with the rows of the gate."""
    sample, name = skops_pipeline(), fresh()
    imported(api, send_form(api, name, sample, FRAME_CSV))
    assert api.http.put(f"/models/{name}/aliases/champion", json={"version": 1}).status_code == 200
    lines = FRAME_CSV.splitlines()
    cells = [line.partition(",")[2] for line in lines[1:]]
    rows = [f"0{8000 + i % 3},{each},{y}" for i, (each, y) in enumerate(zip(cells, sample.y, strict=True))]
    table = "\n".join([f"{lines[0]},y", *rows]).encode()
    files = {"file": ("june.csv", table, "text/csv"), "promote_on": ("held.csv", table, "text/csv")}
    sent = api.http.post(f"/models/{name}/fit", data={"target": "y", "promote": "champion"}, files=files, headers=WAIT)
    promotion = api.finished(sent)["result"]["promotion"]
    assert promotion["champion_score"] is not None, promotion
    columns = api.http.get(f"/models/{name}/versions/2").json()["schema"]["columns"]
    assert columns[0] == {"name": "city", "kind": "text", "categories": ["08000", "08001", "08002"]}
    number = [{**FRAME_ROWS[0], "city": 8000}, FRAME_ROWS[1]]
    answer = api.post(f"models/{name}/fit", {"data": {"X": number, "y": sample.y[:2]}})
    assert pointers(problem(answer, 422)) == ["/data/X/0/city"]


def test_an_imported_estimator_is_fitted_again(api: Api) -> None:
    """A fit is one of a clone, with its parameters; its version keeps where the first one is from."""
    sample, name = skops_regressor(), fresh()
    imported(api, send(api, name, sample.content))
    data = {"X": X.tolist(), "y": (2 * NUMBERS).tolist()}
    again = api.call(f"models/{name}/fit", {"params": {"max_iter": 20}, "data": data})
    assert (again["status"], again["version"]) == ("SUCCESS", 2), again
    expected = HistGradientBoostingRegressor(max_iter=20).fit(X, 2 * NUMBERS).predict(ROWS)
    assert api.result(f"models/{name}/predict", {"data": {"X": ROWS.tolist()}})["y"] == expected.tolist()
    assert api.result(f"models/{name}/predict", {"version": 1, "data": {"X": ROWS.tolist()}})["y"] == sample.y
    first, second = (api.http.get(f"/models/{name}/versions/{number}").json() for number in (1, 2))
    assert second["provenance"] == first["provenance"]


def test_the_manifest_says_where_a_version_is_from(api: Api) -> None:
    sample, name = xgboost_regressor(), fresh()
    rows = "weight,height,age,size,y\n1,2,3,4,5\n2,3,4,5,6\n"
    result = imported(api, send_form(api, name, sample, rows, ignore="y"))["result"]
    assert result["inputs"] == ["weight", "height", "age", "size"]
    manifest = api.http.get(f"/models/{name}/versions/1").json()
    provenance = manifest["provenance"]
    assert (provenance["file"], provenance["bytes"]) == ("model.json", len(sample.content))
    assert provenance["sample"] == {"rows": 2}
    assert manifest["files"] == {"model.xgboost": provenance["sha256"]}
    assert manifest["format"] == "xgboost"
    assert "xgboost-cpu" in manifest["libraries"] or "xgboost" in manifest["libraries"]
    named = {"weight": 1, "height": 2, "age": 3, "size": 4}
    by_name = api.result(f"models/{name}/predict", {"data": {"X": [named]}})
    assert by_name == api.result(f"models/{name}/predict", {"data": {"X": [[1, 2, 3, 4]]}})


def test_columns_may_be_named(api: Api) -> None:
    name = fresh()
    result = imported(api, send(api, name, onnx_regressor().content, columns="a,b,c,d"))["result"]
    assert result["inputs"] == ["a", "b", "c", "d"]


def test_an_imported_model_is_listed_and_cannot_be_fitted(api: Api) -> None:
    name = fresh()
    imported(api, send(api, name, lightgbm_regressor().content))
    assert api.http.get(f"/models/{name}").json()["versions"] == [1]
    assert name in [model["name"] for model in api.http.get("/models").json()["models"]]
    refused = problem(api.post(f"models/{name}/fit", {"data": {"X": [[1, 2, 3, 4]], "y": [1]}}), 409)
    assert "lightgbm" in refused["detail"]


def test_versions_of_one_model_may_be_of_several_libraries(api: Api) -> None:
    name = fresh()
    for number, make in enumerate((lightgbm_regressor, onnx_regressor, xgboost_regressor), 1):
        assert imported(api, send(api, name, make().content))["version"] == number
    for number, make in enumerate((lightgbm_regressor, onnx_regressor, xgboost_regressor), 1):
        body = {"version": number, "data": {"X": ROWS.tolist()}}
        assert api.result(f"models/{name}/predict", body)["y"] == make().y


def test_the_same_key_imports_once(api: Api) -> None:
    name, key = fresh(), uuid4().hex
    for _ in range(2):
        answer = api.http.post(
            f"/models/{name}/versions", content=onnx_regressor().content, headers={**WAIT, "Idempotency-Key": key}
        )
        assert imported(api, answer)["version"] == 1
    assert api.http.get(f"/models/{name}").json()["versions"] == [1]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"format": "pickle"}, "/format"),
        ({"format": "lightgbm"}, "/format"),
        ({"kind": "detector"}, "/kind"),
        ({"strict": "yes"}, "/strict"),
        ({"model": "other"}, "/model"),
        ({"version": "3"}, "/version"),
        ({"classes": "a,a"}, "/classes"),
        ({"classes": "a,,b"}, "/classes"),
        ({"classes": "9007199254740993,1"}, "/classes"),
        ({"classes": '["a", 1.5]'}, "/classes"),
        ({"columns": "a,a,b,c"}, "/columns"),
        ({"columns": "a,,b,c"}, "/columns"),
        ({"columns": ""}, "/columns"),
        ({"columns": "a,b,c," + "d" * 1001}, "/columns"),
        ({"columns": "a,b,c"}, "/columns"),
        ({"kind": "regressor", "classes": "a,b"}, "/classes"),
    ],
)
def test_wrong_values_are_pointed_at(api: Api, query: dict[str, str], pointer: str) -> None:
    assert pointers(problem(send(api, fresh(), onnx_regressor().content, **query), 422)) == [pointer]


def test_a_model_has_a_plain_name(api: Api) -> None:
    assert problem(send(api, "Not-a-name", onnx_regressor().content), 422)["errors"][0]["pointer"] == "/model"


def test_a_pickle_is_refused_with_how_to_convert_it(api: Api) -> None:
    refused = problem(send(api, fresh(), b"\x80\x04\x95\x10\x00\x00\x00", format="skops"), 422)
    assert "skops.io.dump" in refused["detail"]


def test_what_kills_its_process_is_refused(api: Api) -> None:
    """A file of LightGBM that its library does not survive, and one of XGBoost that is cut off."""
    text = lightgbm_regressor().content
    for content in (
        text[: len(text) // 2],
        xgboost_regressor().content[:2000],
        text.replace(b"num_leaves=", b"num_leaves=9"),
    ):
        name = fresh()
        refused(api, send(api, name, content))
        assert api.http.get(f"/models/{name}").status_code == 404


def test_imports_survive_a_restart_of_everything(tmp_path: Path) -> None:
    """In sync mode and then, over the same store, in async mode."""
    chosen = ("xgboost-classifier-ubj", "lightgbm-classifier", "onnx-classifier", "skops-regressor")
    with trinity("inline", tmp_path) as api:
        for kind in chosen:
            imported(api, send(api, kind, SAMPLES[kind]().content))
        imported(api, send_form(api, "pipeline", skops_pipeline(), FRAME_CSV))
    with trinity("redis", tmp_path) as api:
        for kind in chosen:
            found = api.result(f"models/{kind}/predict", {"data": {"X": ROWS.tolist()}})
            assert found["y"] == SAMPLES[kind]().y
        body = {"data": {"X": FRAME_ROWS}, "outputs": ["y", "probabilities"]}
        found = api.result("models/pipeline/predict", body)
        expected = skops_pipeline()
        assert expected.probabilities is not None
        assert (found["y"], found["probabilities"]) == (expected.y, expected.probabilities.tolist())
