"""Versions of old whose labels are whole numbers beyond 2^53: each way out gives them exactly, or refuses in words."""

import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from app.client import Client
from tests.support.api import WAIT_S, Api, pointers, problem
from tests.support.cli import run
from tests.support.great_labels import GREAT, GREATER, OLD, OLDER, publish_great
from tests.support.trinity import trinity

NPY = "application/x-npy"
X = [[0.0], [1.0]]


@pytest.fixture(scope="module", params=("inline", "redis"))
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp(request.param)
    assert [publish_great(folder / "store", labels) for labels in (GREAT, GREATER)] == [OLD, OLDER]
    with trinity(request.param, folder) as api:
        yield api


def predict(api: Api, version: int, **headers: str) -> httpx.Response:
    body = {"version": version, "data": {"X": X}}
    return api.post("models/bayes/predict", body, headers={"Prefer": f"wait={WAIT_S}", **headers})


@pytest.mark.parametrize(("version", "labels"), [(OLD, GREAT), (OLDER, GREATER)])
def test_they_are_exact_in_json_in_csv_and_in_the_manifest(running: Api, version: int, labels: list[int]) -> None:
    assert json.loads(predict(running, version).content)["result"]["y"] == labels
    assert predict(running, version, Accept="text/csv").text.split() == ["y", *map(str, labels)]
    assert running.http.get(f"/models/bayes/versions/{version}").json()["classes"] == labels


@pytest.mark.parametrize("version", [OLD, OLDER])
def test_an_array_of_float64_is_refused(running: Api, version: int) -> None:
    assert "too large for an array" in problem(predict(running, version, Accept=NPY), 406)["detail"]


@pytest.mark.parametrize("binary", [False, True])
def test_the_open_inference_protocol_gives_what_int64_holds(running: Api, binary: bool) -> None:  # noqa: FBT001
    tensor = {"name": "X", "shape": [2, 1], "datatype": "FP64", "data": [0.0, 1.0]}
    body: Any = {"inputs": [tensor], "parameters": {"binary_data_output": binary}}
    answer = running.post(f"v2/models/bayes/versions/{OLD}/infer", body)
    length = int(answer.headers.get("Inference-Header-Content-Length", len(answer.content)))
    (y,) = json.loads(answer.content[:length])["outputs"]
    found = np.frombuffer(answer.content[length:], "<i8").tolist() if binary else y["data"]
    assert (y["datatype"], found) == ("INT64", GREAT)
    refused = running.post(f"v2/models/bayes/versions/{OLDER}/infer", body)
    assert (refused.status_code, "too large for INT64" in refused.text) == (406, True), refused.text


@pytest.mark.parametrize(("version", "labels"), [(OLD, GREAT), (OLDER, GREATER)])
def test_the_client_and_the_command_line_give_them_exactly(running: Api, version: int, labels: list[int]) -> None:
    url = str(running.http.base_url)
    with Client(url) as client:
        assert client.predict(X, "bayes", version=version).tolist() == labels
    done = run("predict", "-", "--model", "bayes", "--version", version, stdin="x\n0\n1\n", TRINITY_SERVER=url)
    assert done.out.split() == ["y", *map(str, labels)]


def test_a_score_of_them_is_refused_with_what_helps(running: Api) -> None:
    """float64, in which tables are kept, does not tell them from their neighbours."""
    refused = problem(running.post("models/bayes/score", {"version": OLD, "data": {"X": X, "y": GREAT}}), 422)
    assert pointers(refused) == ["/data/y/0"]
    assert "fit the model anew, with labels as text" in refused["detail"]


def test_numbers_of_that_size_are_no_labels(running: Api) -> None:
    """What a regression predicts goes into an array as before."""
    running.result("fit", {"model": "multivariate", "data": {"X": [[0.0], [1.0], [2.0]], "y": [0.0, 1e17, 2e17]}})
    body = {"data": {"X": [[1.0]]}}
    answer = running.post("models/multivariate/predict", body, headers={"Accept": NPY, "Prefer": f"wait={WAIT_S}"})
    assert np.load(io.BytesIO(answer.content), allow_pickle=False).tolist() == pytest.approx([1e17])
