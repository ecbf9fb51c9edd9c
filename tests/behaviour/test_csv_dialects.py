"""CSV as people have it: other separators, encodings, names of rows, gaps; the numbers are those of numpy."""

import gzip
from typing import Any

import httpx
import numpy as np
import pytest

from tests.support.api import Api, Json, pointers, problem

X = [1.5, 2.5, 3.5]
Y = [3.0, 5.0, 7.1]
LINE = np.linalg.lstsq(np.column_stack([np.ones(3), X]), np.array(Y), rcond=None)[0].tolist()
FITTED = {"model": "multivariate", "target": "y"}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def send(api: Api, verb: str, content: bytes, headers: Json | None = None, **query: Any) -> httpx.Response:
    sent = {"Content-Type": "text/csv", **(headers or {})}
    return api.http.post(f"/{verb}", content=content, headers=sent, params={"model": "multivariate", **query})


def fitted(api: Api, content: bytes, headers: Json | None = None, **query: Any) -> Json:
    result: Json = api.finished(send(api, "fit", content, headers, **query))["result"]
    return result


TABLE = "x,y\n1.5,3\n2.5,5\n3.5,7.1\n"
COMMAS = TABLE.replace(",", ";").replace(".", ",")
SPELLINGS: dict[str, tuple[bytes, Json, Json]] = {
    "semicolons and decimal commas": (COMMAS.encode(), {}, {}),
    "semicolons and decimal points": (TABLE.replace(",", ";").encode(), {}, {}),
    "tabs": (TABLE.replace(",", "\t").encode(), {}, {}),
    "tabs and decimal commas": (COMMAS.replace(";", "\t").encode(), {}, {}),
    "pipes": (TABLE.replace(",", "|").encode(), {}, {}),
    "blanks": (TABLE.replace(",", " ").encode(), {}, {}),
    "aligned by blanks": (b" x    y\n 1.5  3\n 2.5  5\n 3.5  7.1\n", {}, {}),
    "a line that names the separator": (f"sep=;\n{COMMAS}".encode(), {}, {}),
    "a separator that is named": (TABLE.replace(",", "#").encode(), {}, {"separator": "#"}),
    "a decimal comma that is named": (b'x,y\n"1,5",3\n"2,5",5\n"3,5","7,1"\n', {}, {"decimal": ","}),
    "names of rows, as R writes them": (b"x,y\nr1,1.5,3\nr2,2.5,5\nr3,3.5,7.1\n", {}, {}),
    "R with quotes and blanks": (b'"x" "y"\n"1" 1.5 3\n"2" 2.5 5\n"3" 3.5 7.1\n', {}, {}),
    "an index without a name, as pandas writes it": (b",x,y\n0,1.5,3\n1,2.5,5\n2,3.5,7.1\n", {}, {}),
    "a separator after each row": (b"x,y\n1.5,3,\n2.5,5,\n3.5,7.1,\n", {}, {}),
    "a column of nothing": (b"x,y,,\n1.5,3,,\n2.5,5,,\n3.5,7.1,,\n", {}, {}),
    "rows of nothing": (f"{TABLE},\n,\n , \n\n,,,\n".encode(), {}, {}),
    "UTF-16": (TABLE.encode("utf-16"), {}, {}),
    "UTF-16 that the type names": (TABLE.encode("utf-16-le"), {"Content-Type": "text/csv; charset=utf-16le"}, {}),
    "packed by gzip": (gzip.compress(TABLE.encode()), {"Content-Encoding": "gzip"}, {}),
    "a .csv.gz": (gzip.compress(TABLE.encode()), {}, {}),
    "a .csv.gz of several parts": (gzip.compress(b"x,y\n1.5,3\n") + gzip.compress(b"2.5,5\n3.5,7.1\n"), {}, {}),
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_spellings_of_one_table(api: Api, case: str) -> None:
    content, headers, query = SPELLINGS[case]
    result = fitted(api, content, headers, target="y", **query)
    assert result["terms"] == ["1", "x"]
    assert result["coefficients"] == pytest.approx(LINE, rel=1e-12)


@pytest.mark.parametrize("said", [{"header": "absent"}, {}])
def test_a_table_without_a_header(api: Api, said: Json) -> None:
    """Its columns are x1, x2 …, and it predicts by their positions; it is found where no other reading makes sense."""
    rows = TABLE.split("\n", 1)[1].encode()
    result = fitted(api, rows, target="x2", **said)
    assert (result["terms"], result["coefficients"]) == (["1", "x1"], pytest.approx(LINE, rel=1e-12))
    predicted = api.finished(send(api, "predict", b"2\n", **said))["result"]["y"]
    assert predicted == pytest.approx([LINE[0] + 2 * LINE[1]])
    by_type = send(api, "score", rows, {"Content-Type": "text/csv; header=absent"})
    assert api.finished(by_type)["result"]["n"] == 3


def test_names_in_another_encoding(api: Api) -> None:
    """The refusal says what the file looks like, and that is what to say."""
    content = TABLE.replace("x", "température").encode("windows-1252")
    refused = problem(send(api, "fit", content, target="y"), 400)
    words = "send UTF-8, or say encoding=windows-1252 (in the Content-Type: charset=windows-1252)"
    assert f"looks like windows-1252: {words}" in refused["detail"]
    for headers, query in (
        ({}, {"encoding": "windows-1252"}),
        ({"Content-Type": "text/csv; charset=windows-1252"}, {}),
    ):
        assert fitted(api, content, headers, target="y", **query)["terms"] == ["1", "température"]


@pytest.mark.parametrize("content", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)])
@pytest.mark.parametrize("media_type", ["text/csv", "text/csv; charset=utf-16le", XLSX, "application/zip"])
def test_workbooks_are_called_so(api: Api, no_job: None, content: bytes, media_type: str) -> None:
    """As a body and in a form, whatever their type is said to be."""
    words = "this is an Excel workbook or a ZIP archive; save the table as CSV"
    refused = problem(send(api, "fit", content, {"Content-Type": media_type}, target="y"), 400)
    assert words in refused["detail"]
    form = {"file": ("table.xlsx", content, media_type)}
    answer = api.http.post("/fit", files=form, params={"model": "multivariate", "target": "y"})
    assert words in problem(answer, 400)["detail"]


def test_columns_to_leave_out(api: Api) -> None:
    """Their cells are not looked at, at the fit and afterwards."""
    table = (
        b"id,name,day,a,b,y\n1,n,2020-01-01,1,2,3\n2,s,2020-01-02,2,1,4\n3,e,2020-01-03,3,5,9\n4,w,2020-01-04,4,1,7\n"
    )
    refused = problem(send(api, "fit", table, target="y"), 422)
    assert pointers(refused) == ["/data/X/0/2"]
    assert "line 2, column 'day': the column holds times" in refused["detail"]
    assert "ignore=day" in refused["detail"]
    expected = np.linalg.lstsq(np.array([[1, 1, 2], [1, 2, 1], [1, 3, 5], [1, 4, 1.0]]), np.array([3, 4, 9, 7.0]))[0]
    for query in ({"ignore": "id,name,day"}, {"ignore": ["id", "name,day"]}, {"inputs": "a,b"}):
        result = fitted(api, table, target="y", **query)
        assert (result["terms"], result["coefficients"]) == (["1", "a", "b"], pytest.approx(expected.tolist()))
    odd = b"y,b,name,a,id,day\n,2,\xff,1,x,?\n"
    assert api.finished(send(api, "predict", odd))["result"]["y"] == pytest.approx([expected @ [1, 1, 2]])
    kept = api.finished(send(api, "predict", table, keep="id,name"))["result"]["kept"]
    assert kept == {"id": [1, 2, 3, 4], "name": ["n", "s", "e", "w"]}


def test_a_target_without_values_is_passed_over_at_predict(api: Api) -> None:
    fitted(api, b"a,b,y\n1,2,3\n2,1,4\n3,5,9\n4,1,7\n", target="y")
    assert len(api.finished(send(api, "predict", b"a,b,y\n1,2,\n2,3,\n"))["result"]["y"]) == 2
    refused = problem(send(api, "score", b"a,b,y\n1,2,\n2,3,\n"), 422)
    assert pointers(refused) == ["/data/y/0"]
    assert "line 2, column 'y': a value is missing, 2 of 2" in refused["detail"]


def test_truth_values_and_texts(api: Api) -> None:
    """A column of true and false is one of 0 and 1, in any spelling; what the fit knew as text stays text."""
    table = b"p,q,code,y\nTrue,1,a1,3\nfalse,2,b2,5\nTRUE,4,a1,6\nFalse,5,b2,9\ntrue,3,b2,8\n"
    result = fitted(api, table, target="y")
    assert result["terms"] == ["1", "p=true", "q", "code=b2"]
    design = np.array([[1, 1, 1, 0], [1, 0, 2, 1], [1, 1, 4, 0], [1, 0, 5, 1], [1, 1, 3, 1.0]])
    expected = np.linalg.lstsq(design, np.array([3, 5, 6, 9, 8.0]), rcond=None)[0]
    assert result["coefficients"] == pytest.approx(expected.tolist(), rel=1e-9)
    predicted = api.finished(send(api, "predict", b"p,q,code\n1,2,a1\n0,3,b2\n"))["result"]["y"]
    assert predicted == pytest.approx([expected @ [1, 1, 2, 0], expected @ [1, 0, 3, 1]])
    refused = problem(send(api, "predict", b"p,q,code\n1,2,7\nmaybe,two,b2\n"), 422)
    assert pointers(refused) == ["/data/X/1/0", "/data/X/1/1", "/data/X/0/2"]
    assert "line 3, column 'q': 'two' is not a number" in refused["detail"]
    assert "line 2, column 'code': '7' was not among the texts of the fit: 'a1', 'b2'" in refused["detail"]


def test_all_columns_that_stand_in_the_way_are_named_at_once(api: Api) -> None:
    """Inputs and targets, each with its first line and what to do."""
    table = b"id,hole,odd,day,y\nx1,1,1,2020-01-01,1\nx2,,2,2020-01-02,oops\nx3,NA,?,2020-01-03,3\n"
    refused = problem(send(api, "fit", table, target="y"), 422)
    assert pointers(refused) == ["/data/X/1/1", "/data/X/2/2", "/data/X/0/3", "/data/y/1"]
    details = [error["detail"] for error in refused["errors"]]
    assert details[0].startswith("line 3, column 'hole': a value is missing, 2 of 3")
    assert details[1].startswith(
        "line 4, column 'odd': '?' is not a number, as 2 of 3 cells are; correct it, or say na=?"
    )
    assert all("ignore=" in detail for detail in details[:3])


def test_widths_are_compared_before_cells(api: Api, no_job: None) -> None:
    refused = problem(send(api, "fit", b"a,y\nx,1\n2,3\n4,5,6\n", target="y"), 422)
    assert pointers(refused) == ["/data/X/2"]
    assert "line 4 has 3 cells, the header names 2" in refused["detail"]


def test_a_table_on_one_line(api: Api, no_job: None) -> None:
    """That is what -d of curl makes of a file."""
    refused = problem(send(api, "fit", TABLE.replace("\n", "").encode(), target="y"), 422)
    assert "--data-binary" in refused["detail"]


def test_gzip_is_unpacked_within_the_limit_of_bodies(api: Api, no_job: None) -> None:
    """A body that unpacks to more is a 413, one that is damaged a 400; other codings are a 415."""
    problem(send(api, "fit", gzip.compress(b"x,y\n" + b"1,2\n" * 20_000_000), target="y"), 413)
    packed = gzip.compress(TABLE.encode())
    for damaged in (packed[:-9], packed[:30] + b"?" + packed[31:], b"x"):
        problem(send(api, "fit", damaged, {"Content-Encoding": "gzip"}, target="y"), 400)
    for coding in ("br", "gzip, gzip", "deflate"):
        problem(send(api, "fit", packed, {"Content-Encoding": coding}, target="y"), 415)


def test_json_and_npy_may_be_packed_too(api: Api) -> None:
    body = gzip.compress(b'{"model": "multivariate", "data": {"X": [[1], [2], [3]], "y": [2, 4, 6]}}')
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert api.result("fit", content=body, headers=headers)["coefficients"] == pytest.approx([0, 2], abs=1e-12)


def test_only_a_fit_is_advised_to_leave_a_column_out(api: Api) -> None:
    """Predict and score need all columns of the fit."""
    table = b"a,town,y\n1,Ulm,3\n2,Bern,4\n3,Ulm,9\n4,Bern,7\n"
    assert "ignore=a" in problem(send(api, "fit", table.replace(b"2,Bern", b",Bern"), target="y"), 422)["detail"]
    fitted(api, table, target="y")
    for verb in ("predict", "score"):
        for old, new in ((b"2,Bern", b",Bern"), (b"2,Bern", b"?,Bern"), (b"2,Bern", b"2,Rome"), (b"Bern,4", b",4")):
            refused = problem(send(api, verb, table.replace(old, new)), 422)
            assert pointers(refused) == [f"/data/X/1/{int(new in {b'2,Rome', b',4'})}"]
            assert "ignore" not in refused["detail"]
            assert "leave" not in refused["detail"]
