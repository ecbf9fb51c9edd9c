"""Bad JSON requests: the right 4xx with a pointer, word for word the same in every mode, and never a job."""

import json
import math
from typing import Any

import pytest

from tests.support.api import Api, Json, pointers, problem

Status = int | tuple[int, ...]
GOOD = {"X": [[1.0], [2.0], [3.0]], "y": [1.0, 2.0, 3.0]}
LONG = "x" * 10_000

MALFORMED = {
    "only a brace": b"{",
    "truncated": b'{"data": {"X": [[1], [2]], "y": [1, 2',
    "a word": b"nope",
    "single quotes": b"{'data': {}}",
    "a comma too many": b'{"data": {"X": [[1], [2],], "y": [1, 2]}}',
    "two documents": b"{}{}",
    "a comment": b"{} // nothing",
    "a lone quote": b'{"model": "poly',
    "invalid UTF-8 around": b"\xff\xfe{}",
    "invalid UTF-8 in a name": b'{"model": "\xc3\x28"}',
    "a control character": b'{"model": "\x01"}',
    "a bad escape": b'{"model": "\\x41"}',
    "half a surrogate pair": b'{"model": "\\ud800"}',
    "a leading zero": b'{"data": {"X": [[01]], "y": [1]}}',
    "hexadecimal": b'{"data": {"X": [[0x1]], "y": [1]}}',
    "binary": bytes(range(256)),
}

LITERALS = {
    "NaN in X": (b'{"data": {"X": [[1], [NaN]], "y": [1, 2]}}', "/data/X/1/0"),
    "Infinity in X": (b'{"data": {"X": [[Infinity], [2]], "y": [1, 2]}}', "/data/X/0/0"),
    "-Infinity in X": (b'{"data": {"X": [[1], [-Infinity]], "y": [1, 2]}}', "/data/X/1/0"),
    "NaN in y": (b'{"data": {"X": [[1], [2]], "y": [1, NaN]}}', "/data/y/1"),
    "NaN in a named row": (b'{"data": {"X": [{"a": 1}, {"a": NaN}], "y": [1, 2]}}', "/data/X/1/a"),
    "NaN as a parameter": (b'{"params": {"degree": NaN}}', "/params/degree"),
    "1e999 in X": (b'{"data": {"X": [[1], [1e999]], "y": [1, 2]}}', "/data/X/1/0"),
    "-1e999 in y": (b'{"data": {"X": [[1], [2]], "y": [-1e999, 2]}}', "/data/y/0"),
    "four hundred digits": (b'{"data": {"X": [[1], [1' + b"0" * 400 + b']], "y": [1, 2]}}', "/data/X/1/0"),
}


def on_x(value: Any) -> Json:
    """A fit on this X."""
    return {"data": {"X": value, "y": [1.0, 2.0]}}


def on_y(value: Any) -> Json:
    """A fit on this y and two rows."""
    return {"data": {"X": [[1.0], [2.0]], "y": value}}


def dummy(**params: Any) -> Json:
    """A fit on the dummy source with these parameters."""
    return {"data": {"source": "dummy", "params": params}}


def columns(value: Any) -> Json:
    """A fit on three rows of two columns with these names."""
    return {"data": {"X": [[1, 2], [3, 5], [4, 9]], "y": [1, 2, 3], "columns": value}}


WRONG: dict[str, tuple[Json, Status, str]] = {
    "null": (None, 422, ""),
    "a list": ([], 422, ""),
    "a string": ("fit", 422, ""),
    "a number": (5, 422, ""),
    "an unknown member": ({"colour": 1}, 422, "/colour"),
    "a timeout of zero": ({"timeout": 0}, 422, "/timeout"),
    "a timeout over the limit": ({"timeout": 86_401}, 422, "/timeout"),
    "a timeout in words": ({"timeout": "soon"}, 422, "/timeout"),
    "a webhook that is a string": ({"webhook": "http://example.com/"}, 422, "/webhook"),
    "a webhook without a URL": ({"webhook": {}}, 422, "/webhook"),
    "a version for a fit": ({"version": 1}, 422, "/version"),
    "data is a list": ({"data": [[1]]}, 422, "/data"),
    "an unknown member of data": ({"data": GOOD | {"colour": 1}}, 422, "/data/colour"),
    "a member with a slash and a tilde": ({"data": GOOD | {"a/b~c": 1}}, 422, "/data/a~1b~0c"),
    "a string in X": (on_x([["1"], [2]]), 422, "/data/X/1/0"),
    "true in X": (on_x([[1], [True]]), 422, "/data/X/1/0"),
    "null in X": (on_x([[1], [None]]), 422, "/data/X/1/0"),
    "a list in X": (on_x([[[1]], [2]]), 422, "/data/X/0/0"),
    "X is a string": (on_x("1,2"), 422, "/data/X"),
    "X is a number": (on_x(5), 422, "/data/X"),
    "X is an object": (on_x({"a": [1, 2]}), 422, "/data/X"),
    "X is 1-D": (on_x([1, 2]), 422, "/data/X/0"),
    "X is empty": ({"data": {"X": [], "y": []}}, 422, "/data/X"),
    "X has no columns": (on_x([[], []]), 422, "/data/X"),
    "X is ragged": (on_x([[1, 2], [3]]), 422, "/data/X/1"),
    "X is missing": ({"data": {"y": [1, 2]}}, 422, "/data"),
    "X and a source": ({"data": GOOD | {"source": "dummy"}}, 422, "/data"),
    "y is missing": ({"data": {"X": [[1], [2]]}}, 422, "/data/y"),
    "y is short": (on_y([1]), 422, "/data/y"),
    "y is long": (on_y([1, 2, 3]), 422, "/data/y"),
    "y is empty": (on_y([]), 422, "/data/y"),
    "y is a number": (on_y(1), 422, "/data/y"),
    "y is null": (on_y(None), 422, "/data/y"),
    "a string in y": (on_y([1, "2"]), 422, "/data/y/1"),
    "false in y": (on_y([False, 2]), 422, "/data/y/0"),
    "null in y": (on_y([1, None]), 422, "/data/y/1"),
    "y is ragged": (on_y([[1, 2], [3]]), 422, "/data/y/1"),
    "y is mixed": (on_y([1, [2]]), 422, "/data/y/1"),
    "y has no columns": (on_y([[], []]), 422, "/data/y"),
    "y of three dimensions": (on_y([[[1]], [[2]]]), 422, "/data/y/0"),
    "y of objects": (on_y([{"a": 1}, {"a": 2}]), 422, "/data/y/0"),
    "too few columns' names": (columns(["a"]), 422, "/data/columns"),
    "too many columns' names": (columns(["a", "b", "c"]), 422, "/data/columns"),
    "the same name twice": (columns(["a", "a"]), 422, "/data/columns"),
    "a number as a name": (columns(["a", 1]), 422, "/data/columns/1"),
    "an empty name": (columns(["a", ""]), 422, "/data/columns"),
    "names as a string": (columns("ab"), 422, "/data/columns"),
    "a named row without a column": (on_x([{"a": 1, "b": 2}, {"a": 1}]), 422, "/data/X/1"),
    "a named row with another column": (on_x([{"a": 1}, {"a": 1, "b": 2}]), 422, "/data/X/1"),
    "named rows and arrays": (on_x([{"a": 1}, [2]]), 422, "/data/X/1"),
    "arrays and named rows": (on_x([[1], {"a": 2}]), 422, "/data/X/1"),
    "a string in a named row": (on_x([{"a": 1}, {"a": "2"}]), 422, "/data/X/1/a"),
    "named rows without columns": (on_x([{}, {}]), 422, "/data/X"),
    "an unknown source": ({"data": {"source": "nope"}}, 422, "/data/source"),
    "a source that is no name": ({"data": {"source": 5}}, 422, "/data/source"),
    "a path as a source": ({"data": {"source": "../../etc/passwd"}}, 422, "/data/source"),
    "source parameters as a list": ({"data": {"source": "dummy", "params": []}}, 422, "/data/params"),
    "an unknown source parameter": (dummy(colour=1), 422, "/data/params/colour"),
    "no points": (dummy(number=0), 422, "/data/params/number"),
    "fewer than no points": (dummy(number=-1), 422, "/data/params/number"),
    "points as text": (dummy(number="50"), 422, "/data/params/number"),
    "half a point": (dummy(number=1.5), 422, "/data/params/number"),
    "points as a truth": (dummy(number=True), 422, "/data/params/number"),
    "10^12 points": (dummy(number=10**12), 422, "/data"),
    "10^18 points": (dummy(number=10**18), 422, "/data"),
    "10^400 points": (dummy(number=10**400), 422, "/data/params/number"),
    "negative noise": (dummy(noise=-0.1), 422, "/data/params/noise"),
    "noise as text": (dummy(noise="loud"), 422, "/data/params/noise"),
    "a negative seed": (dummy(seed=-1), 422, "/data/params/seed"),
    "half a seed": (dummy(seed=0.5), 422, "/data/params/seed"),
    "no inputs": (dummy(inputs=0), 422, "/data/params/inputs"),
    "10^9 inputs": (dummy(inputs=10**9), 422, ""),
    "no function": (dummy(function=[]), 422, "/data/params/function"),
    "a function in words": (dummy(function="x^2"), 422, "/data/params/function"),
    "a word in the function": (dummy(function=[1, "x"]), 422, "/data/params/function/1"),
    "a function of 10^5 powers": (dummy(function=[1] * 100_000), 422, "/data/params/function"),
    "an unknown model": ({"model": "nope"}, 404, "/model"),
    "a model by path": ({"model": "../../etc/passwd"}, 404, "/model"),
    "a model by class": ({"model": "app.model.models:PolynomialRegressor"}, 404, "/model"),
    "a model without a name": ({"model": ""}, (404, 422), "/model"),
    "a model with a long name": ({"model": LONG}, (404, 422), "/model"),
    "a model with a NUL": ({"model": "poly\0nomial"}, (404, 422), "/model"),
    "a number as a model": ({"model": 5}, 422, "/model"),
    "parameters as a list": ({"params": [3]}, 422, "/params"),
    "an unknown parameter": ({"params": {"colour": 1}}, 422, "/params/colour"),
    "a long unknown parameter": ({"params": {LONG: 1}}, 422, "/params"),
    "another model's parameter": ({"model": "multivariate", "params": {"degree": 2}}, 422, "/params/degree"),
    "degree as text": ({"params": {"degree": "3"}}, 422, "/params/degree"),
    "degree 0": ({"params": {"degree": 0}}, 422, "/params/degree"),
    "degree -1": ({"params": {"degree": -1}}, 422, "/params/degree"),
    "degree 51": ({"params": {"degree": 51}}, 422, "/params/degree"),
    "degree 10^400": ({"params": {"degree": 10**400}}, 422, "/params/degree"),
    "degree 1.5": ({"params": {"degree": 1.5}}, 422, "/params/degree"),
    "degree true": ({"params": {"degree": True}}, 422, "/params/degree"),
    "degree null": ({"params": {"degree": None}}, 422, "/params/degree"),
    "interactions 1": ({"params": {"interactions": 1}}, 422, "/params/interactions"),
    "fit_intercept as text": (
        {"model": "multivariate", "params": {"fit_intercept": "no"}},
        422,
        "/params/fit_intercept",
    ),
    "10^22 terms": ({"params": {"degree": 50}, **dummy(inputs=30, number=100)}, 422, ""),
    "a square of 10^6 terms": (
        {"params": {"degree": 50, "interactions": False}, **dummy(inputs=20_000, number=10)},
        422,
        "",
    ),
    "a gigabyte of rows": ({"params": {"degree": 50}, **dummy(number=3_000_000)}, 422, ""),
}

NESTED = {"lists": b"[" * 200_000, "objects": b'{"data":' * 100_000, "inside X": b'{"data":{"X":' + b"[" * 200_000}
NESTED["and closed again"] = b"[" * 100_000 + b"]" * 100_000


def refused(api: Api, golden: Api, verb: str, content: bytes, status: Status) -> Json:
    """The problem document, which must be that of sync mode word for word; `status` may allow several."""
    headers = {"Content-Type": "application/json"}
    answer = api.http.post(f"/{verb}", content=content, headers=headers, timeout=10)
    assert answer.status_code in (status if isinstance(status, tuple) else (status,)), answer.text[:2000]
    document = problem(answer, answer.status_code)
    assert document == golden.http.post(f"/{verb}", content=content, headers=headers, timeout=10).json()
    return document


@pytest.mark.parametrize("verb", ["fit", "predict", "score"])
@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed(api: Api, golden: Api, no_job: None, verb: str, content: bytes) -> None:
    """What is not JSON is a 400."""
    refused(api, golden, verb, content, 400)


@pytest.mark.parametrize(("content", "pointer"), LITERALS.values(), ids=LITERALS.keys())
def test_numbers_that_are_not_finite(api: Api, golden: Api, no_job: None, content: bytes, pointer: str) -> None:
    """NaN and Infinity are not JSON: 400; a number beyond floats is a 400 or 422; all with a pointer."""
    status = 400 if b"NaN" in content or b"Infinity" in content else (400, 422)
    assert pointers(refused(api, golden, "fit", content, status)) == [pointer]


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        (b'{"data": {"X": [[1]], "y": [1]}, "data": {"X": [[1]], "y": [1]}}', "/data"),
        (b'{"data": {"X": [[1], [2]], "y": [1, 2], "X": [[1], [2]]}}', "/data/X"),
        (b'{"data": {"X": [{"a": 1}, {"a": 2, "a": 3}], "y": [1, 2]}}', "/data/X/1/a"),
        (b'{"params": {"degree": 1, "degree": 2}}', "/params/degree"),
    ],
)
def test_members_given_twice(api: Api, golden: Api, no_job: None, content: bytes, pointer: str) -> None:
    """No reader has to guess which of them counts."""
    assert pointers(refused(api, golden, "fit", content, 400)) == [pointer]


def test_the_byte_order_mark_and_utf_16(api: Api, golden: Api) -> None:
    """The mark of UTF-8 is passed over; UTF-16 is named."""
    text = json.dumps({"data": GOOD})
    headers = {"Content-Type": "application/json", "Prefer": "wait=20"}
    marked = api.http.post("/fit", content=text.encode("utf-8-sig"), headers=headers)
    assert marked.status_code == 200
    assert "UTF-16" in refused(api, golden, "fit", text.encode("utf-16"), 400)["detail"]


@pytest.mark.parametrize("content", NESTED.values(), ids=NESTED.keys())
def test_deep_nesting(api: Api, golden: Api, no_job: None, content: bytes) -> None:
    """A very deeply nested document is refused, and the server continues."""
    refused(api, golden, "fit", content, (400, 422))
    assert api.http.get("/ping").status_code == 200


@pytest.mark.parametrize(("body", "status", "pointer"), WRONG.values(), ids=WRONG.keys())
def test_wrong_fits(api: Api, golden: Api, no_job: None, body: Json, status: Status, pointer: str) -> None:
    """A well-formed request with a wrong value is refused at once, with a pointer to it."""
    document = refused(api, golden, "fit", json.dumps(body).encode(), status)
    assert document["errors"]
    assert all(found.startswith(pointer) for found in pointers(document)), document


EXACT = [
    "a string in X",
    "X is ragged",
    "y is short",
    "degree 0",
    "an unknown source",
    "an unknown model",
    "an unknown member",
]


@pytest.mark.parametrize("case", EXACT)
def test_pointers_are_exact(api: Api, case: str) -> None:
    """The pointer leads to the bad value itself."""
    body, status, pointer = WRONG[case]
    assert isinstance(status, int)
    assert pointers(problem(api.post("fit", body), status)) == [pointer]


@pytest.fixture
def fitted(api: Api) -> None:
    """The default model has a version."""
    api.result("fit")


@pytest.mark.parametrize(
    "case", ["a string in X", "X is ragged", "X is empty", "an unknown member", "a path as a source"]
)
@pytest.mark.parametrize("verb", ["predict", "score"])
def test_every_verb_checks(api: Api, fitted: None, no_job: None, verb: str, case: str) -> None:
    """Predict and score refuse what fit refuses."""
    body, status, _ = WRONG[case]
    assert isinstance(status, int)
    problem(api.post(verb, body), status)


def test_long_names_are_not_quoted_at_length(api: Api) -> None:
    """A response does not send ten thousand characters back."""
    assert len(api.post("fit", {"model": LONG}).content) < 2_000
    assert len(api.post("fit", {"data": {"source": LONG}}).content) < 2_000


AWKWARD = {
    "one row": {"X": [[1.0]], "y": [1.0]},
    "fewer rows than terms": {"X": [[1.0], [2.0]], "y": [1.0, 2.0]},
    "a constant column": {"X": [[1.0]] * 10, "y": [float(k) for k in range(10)]},
    "a constant y": {"X": [[float(k)] for k in range(10)], "y": [4.0] * 10},
    "all zeros": {"X": [[0.0]] * 10, "y": [0.0] * 10},
    "the largest floats": {"X": [[1.7e308], [-1.7e308], [1e308], [0.0], [5.0]], "y": [1.7e308, -1.7e308, 0, 0, 0]},
    "the smallest floats": {"X": [[5e-324], [1e-320], [0.0], [2e-310], [3e-308]], "y": [5e-324, 0, 1e-320, 0, 1]},
    "integers beyond 64 bits": {"X": [[10**20], [2 * 10**20], [3 * 10**20]], "y": [1, 2, 3]},
    "negative zero": {"X": [[-0.0], [1.0], [2.0], [3.0]], "y": [-0.0, 1.0, 2.0, 3.0]},
}


@pytest.mark.parametrize("data", AWKWARD.values(), ids=AWKWARD.keys())
def test_awkward_data(api: Api, data: Json) -> None:
    """Extreme but valid data give finite numbers or a 422, for every verb."""
    headers = {"Prefer": "wait=30"}
    fitted = api.post("fit", {"data": data}, headers=headers)
    if fitted.status_code != 200:
        problem(fitted, 422)
        return
    coefficients = fitted.json()["result"]["coefficients"]
    assert all(math.isfinite(each) for each in coefficients)
    version = fitted.json()["version"]
    for verb, used in (("predict", {"X": data["X"]}), ("score", data)):
        answer = api.post(verb, {"version": version, "data": used}, headers=headers)
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 422:
            problem(answer, 422)
