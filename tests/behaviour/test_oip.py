"""The Open Inference Protocol with Triton's client in every mode: the same numbers as on the native routes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.support.api import Api, Json, only_queued, problem
from tests.support.trinity import MAX_BODY_BYTES, trinity

ROWS = [[0.1, 1.0], [0.2, -1.5], [1e-9, 3.0], [-0.987654321, 0.5]]
TABLE = [[0.1 * row, (row * 37 % 11) / 3] for row in range(40)]
Y = [1.5 + 0.3 * a - 0.7 * b + 0.01 * a * b for a, b in TABLE]
HEADER = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def version(api: Api) -> str:
    """A version fitted on the columns a and b."""
    data = {"X": TABLE, "columns": ["a", "b"], "y": Y}
    return str(api.result("fit", {"params": {"degree": 2}, "data": data})["version"])


@pytest.fixture(scope="module")
def client(api: Api) -> Iterator[triton.InferenceServerClient]:
    url = httpx.URL(str(api.http.base_url))
    with triton.InferenceServerClient(f"{url.host}:{url.port}") as stock:
        yield stock


def native(api: Api, version: str, rows: Any = ROWS) -> np.ndarray:
    return np.array(api.result("predict", {"version": int(version), "data": {"X": rows}})["y"])


def tensor(name: str, values: Any, kind: str = "FP64", *, binary: bool) -> triton.InferInput:
    array = np.array(values, {"FP64": "f8", "FP32": "f4", "INT32": "i4", "INT64": "i8"}[kind])
    made = triton.InferInput(name, list(array.shape), kind)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def refused(answer: httpx.Response, status: int) -> str:
    """The message of an error in the protocol's form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"error"} and answer.json()["error"]
    assert answer.headers["X-Request-ID"]
    return str(answer.json()["error"])


def infer(api: Api, body: Json, version: str = "latest", **headers: str) -> httpx.Response:
    return api.http.post(f"/v2/models/polynomial/versions/{version}/infer", json=body, headers=headers)


def request(**changes: Any) -> Json:
    return {"inputs": [{"name": "X", "shape": [1, 2], "datatype": "FP64", "data": [0.1, 1.0], **changes}]}


def test_the_client_finds_the_server(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live() and client.is_server_ready()
    metadata = client.get_server_metadata()
    assert metadata["name"] == "trinity" and "binary_tensor_data" in metadata["extensions"]


def test_the_client_finds_the_model(client: triton.InferenceServerClient, version: str) -> None:
    assert client.is_model_ready("polynomial") and client.is_model_ready("polynomial", version)
    assert not client.is_model_ready("polynomial", "999999")
    assert not client.is_model_ready("never-fitted")
    assert not client.is_model_ready("nope")
    metadata = client.get_model_metadata("polynomial", version)
    assert metadata["name"] == "polynomial" and version in metadata["versions"]
    assert metadata["inputs"] == [{"name": "X", "datatype": "FP64", "shape": [-1, 2]}]
    assert metadata["outputs"] == [{"name": "y", "datatype": "FP64", "shape": [-1]}]


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("wanted", [True, False, None])
def test_the_client_predicts(
    api: Api, client: triton.InferenceServerClient, version: str, *, sent: bool, wanted: bool | None
) -> None:
    """Requests and responses in JSON and binary; equal to the native route to the bit."""
    outputs = None if wanted is None else [triton.InferRequestedOutput("y", binary_data=wanted)]
    inputs = [tensor("X", ROWS, binary=sent)]
    result = client.infer("polynomial", inputs, version, outputs, request_id="seven", parameters={"colour": "red"})
    assert result.get_response()["id"] == "seven"
    assert result.get_response()["model_version"] == version
    assert np.array_equal(result.as_numpy("y"), native(api, version))


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("kind", ["FP32", "INT32", "INT64"])
def test_other_kinds_of_numbers(
    api: Api, client: triton.InferenceServerClient, version: str, kind: str, *, binary: bool
) -> None:
    rows = [[1, 2], [-3, 4]] if kind != "FP32" else np.float32(ROWS).tolist()
    result = client.infer("polynomial", [tensor("X", rows, kind, binary=binary)], version)
    assert np.array_equal(result.as_numpy("y"), native(api, version, rows))


def test_a_tensor_a_column_in_any_order(api: Api, client: triton.InferenceServerClient, version: str) -> None:
    a, b = np.array(ROWS).T
    inputs = [tensor("b", b, binary=True), tensor("a", a.reshape(-1, 1), binary=False)]
    assert np.array_equal(client.infer("polynomial", inputs, version).as_numpy("y"), native(api, version))


def test_a_single_tensor_of_any_name_is_x(api: Api, client: triton.InferenceServerClient, version: str) -> None:
    result = client.infer("polynomial", [tensor("input-0", ROWS, binary=True)], version)
    assert np.array_equal(result.as_numpy("y"), native(api, version))


@pytest.fixture(scope="module")
def mixed(api: Api) -> str:
    """A version fitted on a text, a truth value and a number."""
    rows = [{"city": ["Bern", "Zürich", "Uri"][i % 3], "old": i % 2 == 0, "x": i / 7} for i in range(24)]
    data = {"X": rows, "y": [len(row["city"]) + 2 * row["old"] - 3 * row["x"] for row in rows]}  # type: ignore[arg-type,operator]
    return str(api.result("fit", {"model": "multivariate", "data": data})["version"])


def mixed_inputs(*, binary: bool) -> list[triton.InferInput]:
    inputs = []
    for name, array, kind in (
        ("x", np.array([0.5, -1.0]), "FP64"),
        ("city", np.array(["Zürich", "Bern"], object), "BYTES"),
        ("old", np.array([True, False]), "BOOL"),
    ):
        inputs.append(triton.InferInput(name, [2], kind))
        inputs[-1].set_data_from_numpy(array, binary_data=binary)
    return inputs


def test_texts_and_truth_values_are_a_tensor_each(api: Api, client: triton.InferenceServerClient, mixed: str) -> None:
    """Named and typed in the metadata; in JSON and in binary the same as on the native route."""
    assert client.get_model_metadata("multivariate", mixed)["inputs"] == [
        {"name": "city", "datatype": "BYTES", "shape": [-1]},
        {"name": "old", "datatype": "BOOL", "shape": [-1]},
        {"name": "x", "datatype": "FP64", "shape": [-1]},
    ]
    rows = [{"city": "Zürich", "old": True, "x": 0.5}, {"city": "Bern", "old": False, "x": -1.0}]
    body = {"model": "multivariate", "version": int(mixed), "data": {"X": rows}}
    expected = np.array(api.result("predict", body)["y"])
    assert np.allclose(expected, [6 + 2 - 1.5, 4 + 3])
    for binary in (True, False):
        result = client.infer("multivariate", mixed_inputs(binary=binary), mixed)
        assert np.array_equal(result.as_numpy("y"), expected)


def test_a_text_that_the_fit_did_not_see(client: triton.InferenceServerClient, mixed: str) -> None:
    """It is named, and those of the fit are."""
    inputs = mixed_inputs(binary=True)
    inputs[1].set_data_from_numpy(np.array(["Zürich", "Rome"], object))
    with pytest.raises(InferenceServerException, match=r"row 1, column 'city': 'Rome' was not among .*Bern"):
        client.infer("multivariate", inputs, mixed)


def test_several_outputs_are_columns_of_y(api: Api, client: triton.InferenceServerClient) -> None:
    fit = {"model": "multivariate", "data": {"X": TABLE, "y": [[y, -y, y * y] for y in Y]}}
    version = str(api.result("fit", fit)["version"])
    assert client.get_model_metadata("multivariate", version)["outputs"][0]["shape"] == [-1, 3]
    body = {"model": "multivariate", "version": int(version), "data": {"X": ROWS}}
    expected = np.array(api.result("predict", body)["y"])
    for binary in (True, False):
        outputs = [triton.InferRequestedOutput("y", binary_data=binary)]
        result = client.infer("multivariate", [tensor("X", ROWS, binary=True)], version, outputs)
        assert np.array_equal(result.as_numpy("y"), expected)


def test_many_rows(api: Api, client: triton.InferenceServerClient, version: str) -> None:
    """A large body is read in a thread, and in async mode stored."""
    rows = np.random.default_rng(0).standard_normal((30_000, 2))
    result = client.infer("polynomial", [tensor("X", rows, binary=True)], version).as_numpy("y")
    assert np.array_equal(result[::9_999], native(api, version, rows[::9_999].tolist()))
    as_json = client.infer(
        "polynomial", [tensor("X", rows, binary=True)], version, [triton.InferRequestedOutput("y", binary_data=False)]
    )
    assert np.array_equal(as_json.as_numpy("y"), result)


def test_the_client_reads_what_is_wrong(client: triton.InferenceServerClient, version: str) -> None:
    with pytest.raises(InferenceServerException, match="X has 3 columns") as error:
        client.infer("polynomial", [tensor("X", [[1, 2, 3]], binary=True)], version)
    assert error.value.status() == "400"
    with pytest.raises(InferenceServerException, match="no model 'nope'") as error:
        client.get_model_metadata("nope")
    assert error.value.status() == "404"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nope", 404),
        ("GET", "/v2/", 404),
        ("GET", "/v2/models", 404),
        ("GET", "/v2/models/nope", 404),
        ("GET", "/v2/models/never-fitted", 404),
        ("GET", "/v2/models/never-fitted/ready", 404),
        ("GET", "/v2/models/polynomial/versions/0", 404),
        ("GET", "/v2/models/polynomial/versions/999999/ready", 404),
        ("GET", "/v2/models/polynomial/versions/..%2f1", 404),
        ("POST", "/v2/models/nope/infer", 404),
        ("POST", "/v2/models/never-fitted/infer", 404),
        ("POST", "/v2/models/polynomial/versions/999999/infer", 404),
        ("POST", "/v2/models/polynomial/versions/nope/infer", 404),
        ("GET", "/v2/models/polynomial/infer", 405),
        ("POST", "/v2", 405),
        ("DELETE", "/v2/models/polynomial", 405),
        ("PUT", "/v2/health/live", 405),
    ],
)
def test_errors_have_the_protocols_form(
    api: Api, version: str, no_job: None, method: str, path: str, status: int
) -> None:
    """Also for unknown routes and methods below /v2; the native routes keep problem documents."""
    body = request() if method == "POST" else None
    answer = api.http.request(method, path, json=body)
    refused(answer, status)
    assert status != 405 or answer.headers["Allow"]
    problem(api.http.get("/v1"), 404)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"inputs": []},
        {"inputs": {}},
        {"id": 3, **request()},
        {"outputs": [{"name": "z"}], **request()},
        {"parameters": {"binary_data_output": "yes"}, **request()},
        request(shape=[2, 1]),
        request(shape=[1, 3]),
        request(shape=[-1, -2]),
        request(shape=[0, 2]),
        request(shape=[2**40, 2**40]),
        request(shape=[1, 2, 1]),
        request(shape="1,2"),
        request(data=["a", "b"]),
        request(data=[[[0.1, 1.0]]]),
        request(data=[None, 1]),
        request(data={"0": 1}),
        request(datatype="FP16"),
        request(datatype="BYTES"),
        request(datatype="FP32", data=[1e300, 1]),
        request(parameters={"binary_data_size": 16}),
    ],
)
def test_requests_that_are_wrong(api: Api, version: str, no_job: None, body: Json) -> None:
    refused(infer(api, body, version), 400)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"NaN", b"[" * 100_000])
def test_bodies_that_are_not_json(api: Api, version: str, no_job: None, text: bytes) -> None:
    refused(api.http.post("/v2/models/polynomial/infer", content=text), 400)


@pytest.mark.parametrize("length", ["0", "1", "-1", "99999999", "9" * 40, "x", "1.5"])
def test_a_wrong_header_length(api: Api, version: str, no_job: None, length: str) -> None:
    tensor = {"name": "X", "shape": [1, 2], "datatype": "FP64", "parameters": {"binary_data_size": 16}}
    content = json.dumps({"inputs": [tensor]}).encode() + bytes(16)
    refused(api.http.post("/v2/models/polynomial/infer", content=content, headers={HEADER: length}), 400)


@pytest.mark.parametrize(("shape", "size", "sent"), [([1, 2], 8, 16), ([1, 2], 16, 15), ([2**31, 2**31], 2**65, 16)])
def test_wrong_binary_sizes(api: Api, version: str, no_job: None, shape: list[int], size: int, sent: int) -> None:
    tensor = {"name": "X", "shape": shape, "datatype": "FP64", "parameters": {"binary_data_size": size}}
    text = json.dumps({"inputs": [tensor]}).encode()
    headers = {HEADER: str(len(text))}
    refused(api.http.post("/v2/models/polynomial/infer", content=text + bytes(sent), headers=headers), 400)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite(
    client: triton.InferenceServerClient, version: str, no_job: None, value: float
) -> None:
    with pytest.raises(InferenceServerException, match=r"row 1, column 0 is not \(at /inputs/0\)") as error:
        client.infer("polynomial", [tensor("X", [[1, 2], [value, 3]], binary=True)], version)
    assert error.value.status() == "400"


def test_other_refusals(api: Api, version: str, no_job: None) -> None:
    """As on the native routes: other media types, compressed bodies, bodies over the limit."""
    path = "/v2/models/polynomial/infer"
    refused(api.http.post(path, content=b"a\n1\n", headers={"Content-Type": "text/csv"}), 415)
    coded = api.http.post(path, json=request(), headers={"Content-Encoding": "br"})
    refused(coded, 415)
    assert coded.headers["Accept-Encoding"] == "gzip, identity"
    refused(api.http.post(path, json=request(), headers={"Content-Encoding": "gzip"}), 400)
    refused(api.http.post(path, content=b" " * (MAX_BODY_BYTES + 1)), 413)


def test_a_prediction_that_fails(api: Api) -> None:
    """A value that the model refuses is a 400, an exception of the model a 500."""
    for model, status in (("picky", 400), ("raising", 500)):
        api.result("fit", {"model": model, "data": {"X": [[0.0]], "y": [0.0]}})
        body = request(shape=[1, 1], data=[1.0])
        refused(api.http.post(f"/v2/models/{model}/infer", json=body), status)


def test_an_idempotency_key(api: Api, version: str) -> None:
    """In async mode it makes one job; in both modes the response is the same."""
    key = {"Idempotency-Key": f"v2-{api.mode}"}
    first, again = (infer(api, request(), version, **key) for _ in range(2))
    assert first.status_code == again.status_code == 200 and first.content == again.content
    other = infer(api, request(data=[5, 6]), version, **key)
    if api.queued:
        refused(other, 400)
    refused(infer(api, request(), version, **{"Idempotency-Key": "a b"}), 400)


@only_queued
def test_no_worker(api: Api, tmp_path: Path) -> None:
    """A late response is a 504; the job is cancelled unless an Idempotency-Key allows to ask for it again."""
    with trinity("inline", tmp_path) as first:
        first.result("fit")
    one = request(shape=[1, 1], data=[0.5])
    with trinity("redis", tmp_path, workers=False, TRINITY_MAX_WAIT="1") as idle:
        late = idle.http.post("/v2/models/polynomial/infer", json=one)
        assert "1 s" in refused(late, 504) and late.headers["Retry-After"]
        refused(idle.http.post("/v2/models/polynomial/infer", json=one, headers={"Idempotency-Key": "k"}), 504)
        assert sorted(job["status"] for job in idle.http.get("/jobs").json()["jobs"]) == ["PENDING", "REVOKED"]
        refused(idle.http.get("/v2/models/nope"), 404)


@pytest.mark.parametrize(
    ("labels", "datatype"), [(["no", "yes", "é"], "BYTES"), ([10, 20, -3], "INT64"), ([True, False], "BOOL")]
)
@pytest.mark.parametrize("binary", [True, False])
def test_labels_and_probabilities_are_outputs(
    api: Api, client: triton.InferenceServerClient, labels: list[Any], datatype: str, *, binary: bool
) -> None:
    """y has the datatype of the labels; probabilities come to who asks for them."""
    X = np.random.default_rng(3).normal(size=(30, 2)) + np.arange(30)[:, np.newaxis] % len(labels) * 4
    y = [labels[i % len(labels)] for i in range(30)]
    fitted = api.result("fit", {"model": "bayes", "data": {"X": X.tolist(), "y": y}})
    version = str(fitted["version"])
    k = len(labels)
    assert client.get_model_metadata("bayes", version)["outputs"] == [
        {"name": "y", "datatype": datatype, "shape": [-1]},
        {"name": "probabilities", "datatype": "FP64", "shape": [-1, k]},
    ]
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("probabilities", "y")]
    result = client.infer("bayes", [tensor("X", X, binary=True)], version, wanted)
    body = {
        "model": "bayes",
        "version": fitted["version"],
        "data": {"X": X.tolist()},
        "outputs": ["y", "probabilities"],
    }
    expected = api.result("predict", body)

    def labels_in(answer: triton.InferResult) -> list[Any]:
        return [each.decode() if isinstance(each, bytes) else each for each in answer.as_numpy("y").tolist()]

    assert labels_in(result) == expected["y"]
    np.testing.assert_array_equal(result.as_numpy("probabilities"), expected["probabilities"])
    alone = client.infer("bayes", [tensor("X", X, binary=True)], version)
    assert labels_in(alone) == expected["y"]
    assert alone.as_numpy("probabilities") is None


def test_a_classifier_without_probabilities_has_no_such_output(api: Api, client: triton.InferenceServerClient) -> None:
    api.result("fit", {"model": "majority", "data": {"X": ROWS, "y": ["a"] * len(ROWS)}})
    assert [each["name"] for each in client.get_model_metadata("majority")["outputs"]] == ["y"]
    with pytest.raises(InferenceServerException, match="no output 'probabilities', there is y"):
        client.infer(
            "majority", [tensor("X", ROWS, binary=True)], outputs=[triton.InferRequestedOutput("probabilities")]
        )
