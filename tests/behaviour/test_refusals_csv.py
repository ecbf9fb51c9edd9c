"""Bad CSV: the pointer is that of the equivalent JSON, the message has the line and the column."""

from typing import Any

import pytest

from tests.support.api import Api, pointers, problem

T = {"model": "multivariate", "target": "y"}
BAD: dict[str, tuple[str, dict[str, Any], tuple[int, ...], str]] = {
    "text in a cell": ("a,y\n1,2\nabc,3\n", T, (422,), "/data/X/1/0"),
    "text in the second input": ("a,y,b\n1,2,3\n1,3,x\n", T, (422,), "/data/X/1/1"),
    "text in the target": ("a,y\n1,2\n2,abc\n", T, (422,), "/data/y/1"),
    "an empty cell": ("a,y\n,2\n1,3\n", T, (422,), "/data/X/0/0"),
    "nan": ("a,y\nnan,2\n1,3\n", T, (422,), "/data/X/0/0"),
    "inf": ("a,y\n1,2\ninf,3\n", T, (422,), "/data/X/1/0"),
    "1e999": ("a,y\n1,2\n1e999,3\n", T, (422,), "/data/X/1/0"),
    "an underscore in a number": ("a,y\n1,2\n1_0,3\n", T, (422,), "/data/X/1/0"),
    "a decimal comma": ('a,y\n1,2\n"1,5",3\n', T, (422,), "/data/X/1/0"),
    "hexadecimal": ("a,y\n1,2\n0x10,3\n", T, (422,), "/data/X/1/0"),
    "a short row": ("a,b,y\n1,2,3\n1,2\n", T, (400, 422), "/data/X/1"),
    "a long row": ("a,b,y\n1,2,3\n1,2,3,4\n", T, (400, 422), "/data/X/1"),
    "the same name twice": ("a,a,y\n1,2,3\n", T, (422,), "/data/columns"),
    "a column without a name": ("a,,y\n1,2,3\n", T, (422,), "/data/columns"),
    "only a header": ("a,y\n", T, (422,), "/data/X"),
    "only the target": ("y\n1\n2\n", T, (422,), "/data/X"),
    "an unknown target": ("a,b\n1,2\n2,3\n", T, (422,), "/target"),
    "no target": ("a,y\n1,2\n2,3\n", {"model": "multivariate"}, (422,), "/target"),
    "the same target twice": ("a,y\n1,2\n2,3\n", T | {"target": ["y", "y"]}, (422,), "/target"),
    "an unknown model": ("a,y\n1,2\n", T | {"model": "nope"}, (404,), "/model"),
    "an unknown parameter": ("a,y\n1,2\n", T | {"colour": "1"}, (422,), "/params/colour"),
    "a degree in words": ("a,y\n1,2\n", {"target": "y", "degree": "two"}, (422,), "/params/degree"),
    "a degree too high": ("a,y\n1,2\n", {"target": "y", "degree": "99"}, (422,), "/params/degree"),
    "a degree and a half": ("a,y\n1,2\n", {"target": "y", "degree": "1.5"}, (422,), "/params/degree"),
    "a version for a fit": ("a,y\n1,2\n", T | {"version": "1"}, (422,), "/"),
}


@pytest.mark.parametrize(("text", "query", "statuses", "pointer"), BAD.values(), ids=BAD.keys())
def test_bad_tables(
    api: Api, no_job: None, text: str, query: dict[str, Any], statuses: tuple[int, ...], pointer: str
) -> None:
    """A bad table is a 4xx with a pointer, and never a job."""
    answer = send(api, "fit", text.encode(), **query)
    assert answer.status_code in statuses, answer.text
    found = pointers(problem(answer, answer.status_code))
    assert found
    assert all(each.startswith(pointer) for each in found), found


def test_line_and_column_are_named(api: Api) -> None:
    """The message has the line as an editor counts it, and the column's name."""
    detail = problem(send(api, "fit", b"width,y\n1,2\nabc,3\n", **T), 422)
    words = f"{detail['detail']} {detail['errors'][0]['detail']}"
    assert "line 3" in words
    assert "width" in words


def test_lines_are_counted_through_quotes(api: Api) -> None:
    """A line break inside a quoted name is a line too."""
    detail = problem(send(api, "fit", b'"wi\ndth",y\n1,2\nabc,3\n', **T), 422)
    assert "line 4" in f"{detail['detail']} {detail['errors'][0]['detail']}"


UNREADABLE = {
    "nothing": b"",
    "only a byte-order mark": b"\xef\xbb\xbf",
    "invalid UTF-8": b"a,y\n1,2\n\xff\xfe,3\n",
    "UTF-16 without a byte-order mark": "a,y\n1,2\n".encode("utf-16-le"),
    "NUL bytes": b"a,y\n1,\x00\n",
    "an open quote": b'a,y\n1,"2\n2,3\n',
    "a field of 200,000 characters": b"a,y\n1," + b"9" * 200_000 + b"\n",
    "binary": bytes(range(256)) * 10,
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_unreadable_tables(api: Api, no_job: None, content: bytes) -> None:
    """What cannot be read as a table is a 400 or 422, and never a job."""
    answer = send(api, "fit", content, **T)
    assert answer.status_code in (400, 422), answer.text
    problem(answer, answer.status_code)


@pytest.mark.parametrize(
    ("verb", "text"),
    [
        pytest.param("predict", "width\n1\n", id="a column missing"),
        pytest.param("predict", "width,depth,height\n1,2,3\n", id="a column too many"),
        pytest.param("predict", "width,height\n1,2\n", id="another column"),
        pytest.param("score", "width,depth\n1,2\n", id="the target missing"),
    ],
)
def test_columns_that_do_not_match(api: Api, verb: str, text: str) -> None:
    """Predict and score need the fitted columns, by name."""
    table = b"width,depth,price\n0,0,5\n1,0,7\n0,1,2\n1,1,4\n"
    fitted = send(api, "fit", table, model="multivariate", target="price")
    version = api.finished(fitted)["version"]
    document = problem(send(api, verb, text.encode(), model="multivariate", version=version), 422)
    assert document["errors"]


@pytest.mark.parametrize("wanted", ["nope", "999999", "0", "-1", "..%2f..", "1.5"])
def test_unknown_versions(api: Api, no_job: None, wanted: str) -> None:
    """An unknown version in the query is a 404 (or 422 when impossible)."""
    answer = send(api, "predict", b"x\n1\n", model="polynomial", version=wanted)
    assert answer.status_code in (404, 422), answer.text
    problem(answer, answer.status_code)


def send(api: Api, verb: str, content: bytes, **query: Any) -> Any:
    """The response to a CSV request."""
    return api.http.post(f"/{verb}", content=content, headers={"Content-Type": "text/csv"}, params=query)
