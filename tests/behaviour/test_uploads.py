"""Tables as files: uploaded as forms of browsers and `curl -F` send them, and predictions that come back as CSV."""

import secrets
from typing import Any

import httpx
import numpy as np
import pytest

from tests.support.api import Api, Json, pointers, problem

TABLE = b"id,a,b,y\n11,1,2,3\n12,2,1,4\n13,3,5,9\n14,4,1,7\n"
MODEL = "/models/multivariate"


def upload(api: Api, verb: str, *parts: tuple[str, Any], **query: Any) -> httpx.Response:
    """Send parts as a form, each with a name and a value or a file."""
    return api.http.post(f"{MODEL}/{verb}", files=list(parts), params=query)


def file(content: bytes = TABLE, name: str = "table.csv", kind: str = "text/csv") -> tuple[str, Any]:
    return "file", (name, content, kind)


def field(name: str, value: str) -> tuple[str, Any]:
    return name, (None, value)


@pytest.fixture
def fitted(api: Api) -> Json:
    """y on two inputs, without the id."""
    return api.finished(upload(api, "fit", file(), field("target", "y"), field("ignore", "id")))


def test_a_file_in_a_form_is_fitted(fitted: Json) -> None:
    """The fields beside it are members of the query. The numbers are numpy's."""
    assert fitted["result"]["terms"] == ["1", "a", "b"]
    design, y = [[1, 1, 2], [1, 2, 1], [1, 3, 5], [1, 4, 1]], [3, 4, 9, 7]
    expected = np.linalg.lstsq(np.array(design, np.float64), np.array(y, np.float64), rcond=None)[0]
    assert fitted["result"]["coefficients"] == pytest.approx(expected.tolist(), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("t.csv", ""),
        ("t.CSV", "application/octet-stream"),
        ("t.csv", "application/vnd.ms-excel"),
        ("t.txt", "text/plain"),
    ],
)
def test_a_file_of_unknown_type_is_read_as_its_name_says(api: Api, name: str, kind: str) -> None:
    answer = upload(api, "fit", file(TABLE, name, kind), field("target", "y"))
    assert api.finished(answer)["status"] == "SUCCESS"


def test_json_and_the_query_go_with_a_form_as_well(api: Api, fitted: Json) -> None:
    body = b'{"data": {"X": [{"a": 1, "b": 2}]}}'
    expected = api.result("predict", {"model": "multivariate", "data": {"X": [[1, 2]]}})["y"]
    assert api.finished(upload(api, "predict", file(body, "x.json", "application/json")))["result"]["y"] == expected
    table = upload(api, "predict", file(b"a,b\n1,2\n"), version=str(fitted["version"]))
    assert api.finished(table)["result"]["y"] == expected


@pytest.mark.parametrize(
    ("parts", "query", "pointer"),
    [
        ([field("target", "y")], {}, "/file"),
        ([file(), file(), field("target", "y")], {}, "/file"),
        ([file(), field("target", "y")], {"target": "y"}, "/target"),
        ([file(), field("target", "nope")], {}, "/target"),
        ([file(), field("colour", "red"), field("target", "y")], {}, "/params/colour"),
    ],
)
def test_a_wrong_form_is_refused_with_a_pointer(api: Api, parts: Any, query: Json, pointer: str) -> None:
    assert pointers(problem(upload(api, "fit", *parts, **query), 422)) == [pointer]


@pytest.mark.parametrize("content", [b"\xff\xfea\0", b"1,2\n" * 20_000], ids=["bytes", "long"])
def test_a_table_in_a_field_of_another_name_is_refused_with_the_name_that_it_needs(api: Api, content: bytes) -> None:
    refused = problem(upload(api, "fit", ("table", ("rows.csv", content))), 422)
    assert pointers(refused) == ["/table"] and "send it as the field 'file'" in refused["detail"]


BROKEN = {
    "no boundary": ("multipart/form-data", b"--x\r\n"),
    "an empty form": ("multipart/form-data; boundary=x", b""),
    "a form that ends early": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\na,y\n1,2',
    ),
    "another boundary": ("multipart/form-data; boundary=y", b"--x\r\n\r\n\r\n--x--\r\n"),
    "a name in another encoding": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n--x--\r\n',
    ),
    "too many fields": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 100 + b"--x--\r\n",
    ),
    "a long field": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"1" * 100_000 + b"\r\n--x--\r\n",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_form_that_cannot_be_read_is_malformed(api: Api, case: str) -> None:
    kind, content = BROKEN[case]
    problem(api.http.post(f"{MODEL}/fit", content=content, headers={"Content-Type": kind}), 400)


def csv_answer(api: Api, content: bytes, **query: Any) -> str:
    """Predictions for a table as CSV; in async mode the request waits for them."""
    headers = {"Content-Type": "text/csv", "Accept": "text/csv", "Prefer": "wait=30"}
    answer = api.http.post(f"{MODEL}/predict", content=content, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    return answer.text


def test_predictions_come_as_csv_under_the_names_of_the_outputs(api: Api, fitted: Json) -> None:
    y = api.result("predict", {"model": "multivariate", "data": {"X": [[1, 2], [2, 1]]}})["y"]
    assert csv_answer(api, b"a,b\n1,2\n2,1\n") == f"y\n{y[0]!r}\n{y[1]!r}\n"


def test_kept_columns_stand_beside_the_predictions(api: Api, fitted: Json) -> None:
    """As they came, in CSV and in JSON; a column that the fit did not have may be kept too."""
    body = {"model": "multivariate", "keep": ["id", "n"], "data": {"X": [{"a": 1, "b": 2, "id": "007", "n": 5}]}}
    result = api.result("predict", body)
    assert result["kept"] == {"id": ["007"], "n": [5]}
    answer = api.call("predict", body)
    if api.queued:
        text = api.http.get(f"/jobs/{answer['id']}/result", headers={"Accept": "text/csv"}).text
        assert text == f"id,n,y\n007,5,{result['y'][0]!r}\n"


@pytest.mark.parametrize(("query", "pointer"), [({"keep": "nope"}, "/keep/0"), ({"keep": "a,a"}, "/keep")])
def test_a_column_that_is_not_there_cannot_be_kept(api: Api, fitted: Json, query: Json, pointer: str) -> None:
    headers = {"Content-Type": "text/csv"}
    answer = api.http.post(f"{MODEL}/predict", content=b"a,b\n1,2\n", params=query, headers=headers)
    assert pointers(problem(answer, 422)) == [pointer]


def test_a_refusal_is_a_problem_whatever_was_asked_for(api: Api, fitted: Json) -> None:
    headers = {"Content-Type": "text/csv", "Accept": "text/csv"}
    problem(api.http.post(f"{MODEL}/predict", content=b"a\n1\n", headers=headers), 422)


def test_a_form_that_is_sent_again_is_one_fit(api: Api) -> None:
    """By its Idempotency-Key, though the boundary between its parts is another each time."""
    form = {"files": {"file": ("t.csv", b"x,y\n1,2\n2,4\n3,6\n")}, "data": {"model": "multivariate", "target": "y"}}
    key = {"Idempotency-Key": f'"form-{api.mode}-{secrets.token_hex(4)}"', "Prefer": "wait=20"}
    first, again = (api.http.post("/fit", headers=key, **form).json() for _ in range(2))
    assert first["status"] == "SUCCESS", first
    assert again["version"] == first["version"]
