"""Bodies in numpy's format: the same numbers as in JSON, in requests and responses, in every mode."""

import io
from typing import Any

import httpx
import numpy as np
import pytest

from tests.support.api import WAIT_S, Api, Json, only_queued, pointers, problem

NPY = "application/x-npy"
SENT = {"Content-Type": NPY}
WANTED = {"Accept": NPY, "Prefer": f"wait={WAIT_S}"}
X = np.random.default_rng(1).standard_normal((50, 2))
Y = X @ [1.5, -2.0] + 0.25


@pytest.fixture(scope="module")
def version(api: Api) -> int:
    return int(api.result("fit", {"model": "multivariate", "data": {"X": X.tolist(), "y": Y.tolist()}})["version"])


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def loaded(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == NPY
    loaded: np.ndarray = np.load(io.BytesIO(answer.content), allow_pickle=False)
    return loaded


def native(api: Api, version: int, rows: np.ndarray = X) -> np.ndarray:
    body = {"model": "multivariate", "version": version, "data": {"X": rows.tolist()}}
    return np.array(api.result("predict", body)["y"])


def path(version: int) -> str:
    return f"/models/multivariate/predict?version={version}"


@pytest.mark.parametrize("kind", ["<f8", ">f8", "<f4"])
def test_request_and_response(api: Api, version: int, kind: str) -> None:
    rows = X.astype(kind)
    answer = api.http.post(path(version), content=saved(rows), headers=SENT | WANTED)
    assert np.array_equal(loaded(answer), native(api, version, rows))
    assert answer.headers["Link"] == f'</models/multivariate/versions/{version}>; rel="related"'
    assert answer.headers["X-Request-ID"]


def test_request_only(api: Api, version: int) -> None:
    """The response is an envelope unless Accept prefers npy; the query may name the model."""
    query = {"model": "multivariate", "version": version}
    envelope = api.finished(api.http.post("/predict", params=query, content=saved(np.asfortranarray(X)), headers=SENT))
    assert np.array_equal(envelope["result"]["y"], native(api, version))


@pytest.mark.parametrize("accept", [NPY, "Application/X-NPY", f"application/json;q=0.5, {NPY}", f"{NPY}, */*"])
def test_response_only(api: Api, version: int, accept: str) -> None:
    body = {"model": "multivariate", "version": version, "data": {"X": X[:3].tolist()}}
    answer = api.post("predict", body, headers=WANTED | {"Accept": accept})
    assert np.array_equal(loaded(answer), native(api, version, X[:3]))


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", f"application/json, {NPY};q=0.5", f"{NPY};q=0", f"{NPY};q=x", "x/npy"]
)
def test_json_without_accept(api: Api, version: int, accept: str) -> None:
    body = {"model": "multivariate", "version": version, "data": {"X": X[:3].tolist()}}
    answer = api.post("predict", body, headers=WANTED | {"Accept": accept})
    assert answer.headers["Content-Type"] == "application/json"


def test_many_rows(api: Api, version: int) -> None:
    """A large body is read in a thread, and in async mode stored."""
    rows = np.random.default_rng(2).standard_normal((40_000, 2))
    y = loaded(api.http.post(path(version), content=saved(rows), headers=SENT | WANTED))
    assert y.shape == (40_000,)
    assert np.array_equal(y[::9_999], native(api, version, rows[::9_999]))


def test_one_column(api: Api) -> None:
    """A vector means rows of one input; several outputs are columns."""
    fit = {"data": {"X": [[x] for x in X[:, 0]], "y": [[x, 2 * x] for x in X[:, 0]]}}
    version = api.result("fit", fit)["version"]
    y = loaded(api.http.post(f"/predict?version={version}", content=saved(X[:5, 0]), headers=SENT | WANTED))
    assert y.shape == (5, 2)


def test_other_verbs_read_no_npy(api: Api, no_job: None) -> None:
    for verb in ("fit", "score"):
        problem(api.http.post(f"/{verb}", content=saved(X), headers=SENT), 415)


def test_other_verbs_write_no_npy(api: Api) -> None:
    answer = api.post("fit", headers=WANTED)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"PK\x03\x04", 400),
        (saved(X)[:-1], 400),
        (saved(X) + b"x", 400),
        (saved(X).replace(b"(50, 2)", b"(50,20)"), 400),
        (saved(X[:, :1]), 422),
        (saved(X[:0]), 422),
        (saved(X.reshape(5, 5, 4)), 422),
        (saved(X.astype("S4")), 422),
    ],
)
def test_refusals(api: Api, version: int, no_job: None, content: bytes, status: int) -> None:
    """A body that is not npy or has a wrong size is a 400, an array that is no X a 422; errors are JSON."""
    problem(api.http.post(path(version), content=content, headers=SENT | WANTED), status)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(api: Api, version: int, no_job: None, value: float) -> None:
    rows = X.copy()
    rows[7, 1] = value
    answer = api.http.post(path(version), content=saved(rows), headers=SENT)
    assert pointers(problem(answer, 422)) == ["/data/X/7/1"]


def test_a_body_in_a_coding_that_is_not_decoded(api: Api, version: int, no_job: None) -> None:
    problem(api.http.post(path(version), content=saved(X), headers=SENT | {"Content-Encoding": "br"}), 415)
    problem(api.http.post(path(version), content=saved(X), headers=SENT | {"Content-Encoding": "gzip"}), 400)


def test_a_chunked_body(api: Api, version: int) -> None:
    """It has no Content-Length."""
    content = saved(X)
    pieces = (content[at : at + 100] for at in range(0, len(content), 100))
    assert np.array_equal(
        loaded(api.http.post(path(version), content=pieces, headers=SENT | WANTED)), native(api, version)
    )


@only_queued
def test_the_result_of_a_job(api: Api, version: int) -> None:
    """JSON or npy, whatever the request was; the result of a fit is JSON only."""
    answer = api.http.post(path(version), content=saved(X), headers=SENT | {"Accept": NPY})
    assert (answer.status_code, answer.headers["Content-Type"]) == (202, "application/json")
    envelope = api.finished(answer)
    result = f"{answer.headers['Location']}/result"
    assert np.array_equal(loaded(api.http.get(result, headers={"Accept": NPY})), envelope["result"]["y"])
    body: Json = api.http.get(result).json()
    assert body == envelope["result"]
    fit = api.post("fit")
    api.finished(fit)
    answer = api.http.get(f"{fit.headers['Location']}/result", headers={"Accept": NPY})
    assert answer.headers["Content-Type"] == "application/json"


@only_queued
def test_the_headers_of_a_result(api: Api, version: int) -> None:
    """They have the parts of the envelope."""
    answer = api.http.post(path(version), content=saved(X), headers=SENT | WANTED)
    assert answer.headers["Preference-Applied"] == f"wait={WAIT_S}"
    assert api.http.get(answer.headers["Content-Location"]).json()["verb"] == "predict"


def test_an_idempotency_key(api: Api, version: int) -> None:
    """The same key and body get the same numbers."""
    headers = SENT | WANTED | {"Idempotency-Key": f"npy-{api.mode}"}
    first, again = (api.http.post(path(version), content=saved(X), headers=headers) for _ in range(2))
    assert np.array_equal(loaded(first), loaded(again))
    if api.queued:
        assert first.headers["Content-Location"] == again.headers["Content-Location"]
