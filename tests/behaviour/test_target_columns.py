"""Targets among the columns: in rows of JSON as in CSV, in files without a header, and below odd headers."""

from typing import Any

import pytest

from tests.support.api import Api, Json, pointers, problem

ROWS = [[1, 2, 3, 4], [2, 1, 5, 6], [3, 7, 1, 2], [5, 5, 5, 1], [4, 1, 2, 9]]
NUMBERS = "".join(",".join(map(str, row)) + "\n" for row in ROWS)
MIXED = "1,Bern,3\n2,Chur,4\n3,Bern,1\n4,Chur,9\n"
MODEL = {"model": "multivariate"}


def refused_csv(api: Api, verb: str, text: str, **query: Any) -> Json:
    answer = api.http.post(f"/{verb}", content=text.encode(), headers={"Content-Type": "text/csv"}, params=query)
    return problem(answer, 422)


@pytest.mark.parametrize("header", [{}, {"header": "absent"}])
@pytest.mark.parametrize("target", [["x3", "x4"], ["x1", "x3"], ["x2"]])
def test_columns_without_names_are_x1_to_xn(api: Api, target: list[str], header: Json) -> None:
    """In fit, predict and score, with the whole file and with the inputs alone, said or found."""
    inputs = [name for name in ("x1", "x2", "x3", "x4") if name not in target]
    fitted = api.csv("fit", NUMBERS, target=target, **MODEL, **header)
    assert fitted["terms"] == ["1", *inputs]
    y = api.csv("predict", NUMBERS, **MODEL, **header)["y"]
    alone = "".join(",".join(str(row[int(name[1:]) - 1]) for name in inputs) + "\n" for row in ROWS)
    assert api.csv("predict", alone, **MODEL, **header)["y"] == y
    assert api.csv("predict", "x1,x2,x3,x4\n" + NUMBERS, **MODEL)["y"] == y
    scores = [api.csv("score", NUMBERS, **MODEL, **header, **given) for given in ({}, {"target": target[::-1]})]
    assert scores[0] == scores[1]
    assert scores[0]["r2"] == pytest.approx(fitted["metrics"]["r2"], rel=1e-12)
    columns = dict(zip(("x1", "x2", "x3", "x4"), zip(*ROWS, strict=True), strict=True))
    X = [dict(zip(columns, row, strict=True)) for row in ROWS]
    assert api.result("predict", {**MODEL, "data": {"X": X}})["y"] == y


def test_a_file_without_a_header_may_hold_text(api: Api) -> None:
    """Where that is said; else the answer says so."""
    said = {**MODEL, "header": "absent"}
    assert api.csv("fit", MIXED, target="x3", **said)["terms"] == ["1", "x1", "x2=Chur"]
    assert len(api.csv("predict", MIXED, **said)["y"]) == 4
    assert len(api.csv("predict", "1,Bern\n", **said)["y"]) == 1
    assert api.csv("score", MIXED, **said)["n"] == 4
    for verb, query in (("fit", {"target": "x3"}), ("predict", {}), ("score", {})):
        refused = refused_csv(api, verb, MIXED, **MODEL, **query)
        assert refused["detail"].endswith("if the first row of the CSV is data, say header=absent")


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ("a,a,y", "names column 'a' twice; give column 2 another name, or take it out of the file"),
        ("a,,y", "leaves column 2 without a name; give column 2 a name, or take it out of the file"),
        (",b,y", "leaves column 1 without a name; give column 1 a name, or take it out of the file"),
    ],
)
def test_an_odd_header_is_refused_with_what_to_do(api: Api, no_job: None, header: str, detail: str) -> None:
    """A first column without a name is the rows' names only if they differ."""
    refused = refused_csv(api, "fit", f"{header}\n7,1,2\n7,2,3\n8,3,5\n", target="y", **MODEL)
    assert refused["detail"] == f"the CSV header {detail}"


@pytest.mark.parametrize(
    "text", [",a,y\nr1,1,2\nr2,2,3\nr3,3,5\n", "a,y\nr1,1,2\nr2,2,3\nr3,3,5\n", ",a,y\n5,1,2\n0,2,3\n"]
)
def test_names_of_rows_are_left_out_with_a_warning(api: Api, text: str) -> None:
    """As R and pandas write them."""
    result = api.csv("fit", text, target="y", **MODEL)
    assert result["terms"] == ["1", "a"]
    warning = "the first column of the CSV has no name, and was left out as the names of its rows"
    assert result["warnings"][0] == warning
    assert len(api.csv("predict", text, **MODEL)["y"]) == text.count("\n") - 1


@pytest.mark.parametrize("target", ["y", ["y"]])
def test_rows_of_json_may_hold_the_target(api: Api, target: Any) -> None:
    """As CSV does."""
    X = [{"a": row[0], "b": row[1], "y": row[2]} for row in ROWS]
    fitted = api.result("fit", {**MODEL, "data": {"X": X}, "target": target})
    beside = {"X": [row[:2] for row in ROWS], "columns": ["a", "b"], "y": [row[2] for row in ROWS]}
    assert fitted["coefficients"] == api.result("fit", {**MODEL, "data": beside})["coefficients"]
    api.result("fit", {**MODEL, "data": {"X": X}, "target": target})
    assert api.result("score", {**MODEL, "data": {"X": X}, "target": target})["n"] == 5
    assert api.result("score", {**MODEL, "data": {"X": X}})["n"] == 5
    unnamed = api.result("fit", {**MODEL, "data": {"X": ROWS}, "target": ["x3", "x4"]})
    assert unnamed["terms"] == ["1", "x1", "x2"]


@pytest.mark.parametrize("verb", ["fit", "score"])
@pytest.mark.parametrize(
    "body",
    [
        {"data": {"X": [{"a": 1, "y": 2}], "y": [2]}, "target": "y"},
        {"data": {"X": [{"a": 1, "y": 2}]}, "target": "z"},
        {"data": {"source": "dummy"}, "target": "y"},
    ],
)
def test_a_target_that_cannot_be_is_refused(api: Api, verb: str, body: Json) -> None:
    api.result("fit", {**MODEL, "data": {"X": [{"a": 1, "y": 2}, {"a": 2, "y": 3}]}, "target": "y"})
    assert pointers(problem(api.post(verb, {**MODEL, **body}), 422)) == ["/target"]
