"""Columns of every kind: learned at the fit, kept with the version, and the same ever after."""

from typing import Any

import numpy as np
import pytest

from tests.support.api import Api, Json, pointers, problem

ROWS: list[Json] = [
    {"city": "Bern", "size": 1, "new": True, "rent": 3.0},
    {"city": "Chur", "size": 2, "new": False, "rent": 2.5},
    {"city": "Bern", "size": 3, "new": False, "rent": 4.0},
    {"city": "Genf", "size": 2, "new": True, "rent": 6.5},
    {"city": "Genf", "size": 5, "new": False, "rent": 8.5},
    {"city": "Chur", "size": 4, "new": True, "rent": 5.5},
]


def rows(*names: str) -> list[Json]:
    return [{name: row[name] for name in names} for row in ROWS]


def fit_body(*names: str, **members: Any) -> Json:
    y = [row["rent"] for row in ROWS]
    return {"model": "multivariate", "data": {"X": rows(*names), "y": y}, **members}


@pytest.fixture
def fitted(api: Api) -> Json:
    """The version that was fitted to all columns."""
    return api.result("fit", fit_body("city", "size", "new"))


def test_texts_and_truth_values_become_terms(fitted: Json) -> None:
    """One column of 0 and 1 for each text but the first, and for true: as numpy solves it."""
    design = [[1, row["city"] == "Chur", row["city"] == "Genf", row["size"], row["new"]] for row in ROWS]
    expected = np.linalg.lstsq(np.array(design, np.float64), np.array([row["rent"] for row in ROWS]), rcond=None)[0]
    assert fitted["terms"] == ["1", "city=Chur", "city=Genf", "size", "new=true"]
    assert fitted["coefficients"] == pytest.approx(expected.tolist(), rel=1e-12)


def test_a_polynomial_of_texts_has_no_redundant_terms(api: Api) -> None:
    """No powers of what is 0 or 1, and no products of two texts of one column; all else is there."""
    rows = [{"city": city, "size": size} for city in ("Bern", "Chur", "Genf") for size in (1, 2, 4, 7)]
    y = [row["size"] ** 2 + (5 * row["size"] if row["city"] == "Genf" else 1) for row in rows]
    fitted = api.result("fit", {"model": "polynomial", "data": {"X": rows, "y": y}})
    lower = ["1", "city=Chur", "city=Genf", "size", "city=Chur size", "city=Genf size", "size^2"]
    assert fitted["terms"] == [*lower, "city=Chur size^2", "city=Genf size^2", "size^3"]
    assert fitted["warnings"] == []
    assert fitted["metrics"]["rank"] == 10
    new = {"model": "polynomial", "data": {"X": [{"city": "Genf", "size": 3}, {"city": "Chur", "size": 5}]}}
    assert api.result("predict", new)["y"] == pytest.approx([24, 26], rel=1e-9)


def test_columns_are_shown_with_the_version(api: Api, fitted: Json) -> None:
    schema = api.http.get("/models/multivariate/versions/latest").json()["schema"]
    assert schema["inputs"] == ["city", "size", "new"]
    assert schema["columns"] == [
        {"name": "city", "kind": "text", "categories": ["Bern", "Chur", "Genf"]},
        {"name": "size", "kind": "integer", "min": 1.0, "max": 5.0},
        {"name": "new", "kind": "boolean"},
    ]


def test_rows_in_any_order_of_columns_predict_alike(api: Api, fitted: Json) -> None:
    """Named rows, lists with columns, and 1 for true."""
    cells = [["Genf", 2, True], ["Bern", 3, False]]
    named = [dict(zip(("new", "size", "city"), reversed(row), strict=True)) for row in cells]
    bodies: list[Json] = [
        {"X": named},
        {"X": cells, "columns": ["city", "size", "new"]},
        {"X": cells},
        {"X": [["Genf", 2, 1], ["Bern", 3, 0]]},
    ]
    found = [api.result("predict", {"model": "multivariate", "data": body})["y"] for body in bodies]
    assert all(y == found[0] for y in found)


WRONG: dict[str, tuple[Any, str, str]] = {
    "a text that the fit did not see": (["Ulm", 2, True], "/data/X/1/0", "'Ulm' was not among the texts of the fit"),
    "a number for a text": ([5, 2, True], "/data/X/1/0", "5 is not text"),
    "a text for a number": (["Bern", "two", True], "/data/X/1/1", "'two' is not a number"),
    "a truth value for a number": (["Bern", True, True], "/data/X/1/1", "true is not a number"),
    "a number for a truth value": (["Bern", 2, 2], "/data/X/1/2", "2 is not true or false"),
    "nothing": (["Bern", None, True], "/data/X/1/1", "a value is missing, 1 of 2 in this column"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_of_the_kind_of_its_column_is_refused(api: Api, fitted: Json, case: str) -> None:
    row, pointer, words = WRONG[case]
    data = {"X": [["Bern", 1, True], row]}
    refused = problem(api.post("predict", {"model": "multivariate", "data": data}), 422)
    assert pointers(refused) == [pointer]
    assert words in refused["detail"]


def test_all_columns_that_stand_in_the_way_are_named_at_once(api: Api) -> None:
    """With what to do about each."""
    X = [{"day": "2020-01-01", "hole": None, "odd": 1, "a": 1}, {"day": "2020-01-02", "hole": 2, "odd": "x", "a": 2}]
    refused = problem(api.post("fit", {"data": {"X": X, "y": [1, 2]}}), 422)
    assert pointers(refused) == ["/data/X/0/day", "/data/X/0/hole", "/data/X/1/odd"]
    assert all("ignore=" in error["detail"] for error in refused["errors"][:2])


@pytest.mark.parametrize("choice", [{"inputs": ["size"]}, {"ignore": ["city", "new"]}])
def test_columns_are_chosen_at_the_fit_and_passed_over_afterwards(api: Api, choice: Json) -> None:
    """What the fit did not use is not looked at; what it did not have is refused."""
    result = api.result("fit", fit_body("city", "size", "new", **choice))
    assert result["terms"] == ["1", "size"]
    odd = [{"city": ["no", "cell"], "size": 2, "new": None}]
    one = api.result("predict", {"model": "multivariate", "data": {"X": [{"city": None, "size": 2, "new": "?"}]}})
    assert one == api.result("predict", {"model": "multivariate", "data": {"X": [[2]]}})
    problem(api.post("predict", {"model": "multivariate", "data": {"X": odd}}), 422)
    unknown = problem(api.post("predict", {"model": "multivariate", "data": {"X": [{"size": 2, "wide": 1}]}}), 422)
    assert "unknown 'wide'" in unknown["detail"]


@pytest.mark.parametrize(
    ("choice", "pointer"),
    [
        ({"inputs": ["nope"]}, "/inputs/0"),
        ({"ignore": ["size", "nope"]}, "/ignore/1"),
        ({"inputs": ["size", "size"]}, "/inputs"),
        ({"inputs": ["size"], "ignore": ["size"]}, "/inputs/0"),
        ({"ignore": ["city", "size", "new"]}, "/data/X"),
        ({"inputs": []}, "/data/X"),
        ({"weight": "nope"}, "/weight"),
    ],
)
def test_a_wrong_choice_is_refused_with_a_pointer(api: Api, choice: Json, pointer: str) -> None:
    refused = problem(api.post("fit", fit_body("city", "size", "new", **choice)), 422)
    assert pointers(refused) == [pointer]


def test_a_column_with_another_text_in_each_row_is_warned_of(api: Api) -> None:
    """Most such are ids."""
    X = [{"share": f"no. {i}", "size": i, "kind": "ab"[i % 2]} for i in range(20)]
    warnings = api.result("fit", {"model": "multivariate", "data": {"X": X, "y": list(range(20))}})["warnings"]
    assert warnings[0].startswith("column 'share' has 20 different texts in 20 rows, such as 'no. 0'")
    assert not any("'kind'" in each for each in warnings)


def test_a_fit_without_names_keeps_that_it_had_none(api: Api) -> None:
    """A column that is really called x is another matter."""
    for data, named in (({"X": [[1], [2]]}, False), ({"X": [{"x": 1}, {"x": 2}]}, True)):
        api.result("fit", {"model": "multivariate", "data": {**data, "y": [1, 2]}})
        schema = api.http.get("/models/multivariate/versions/latest").json()["schema"]
        assert (schema["inputs"], schema["named_inputs"]) == (["x"], named)
    api.result("fit", {"model": "multivariate", "ignore": ["x2"], "data": {"X": [[1, 5], [2, 4]], "y": [1, 2]}})
    schema = api.http.get("/models/multivariate/versions/latest").json()["schema"]
    assert (schema["inputs"], schema["named_inputs"]) == (["x1"], False)
    headers = {"Content-Type": "text/csv; header=absent"}
    fit = api.http.post("/models/multivariate/fit", content=b"1,5\n2,4\n", params={"target": "x2"}, headers=headers)
    api.finished(fit)
    schema = api.http.get("/models/multivariate/versions/latest").json()["schema"]
    assert (schema["inputs"], schema["named_inputs"]) == (["x1"], False)


def test_columns_without_names_are_passed_over_by_their_place(api: Api) -> None:
    """As x1, x2 …: afterwards rows may have the inputs alone, or all columns of the fit, but no other number."""
    X = [[1, 5, 2], [2, 3, 1], [4, 8, 8], [3, 9, 1]]
    fitted = api.result("fit", {"model": "multivariate", "data": {"X": X, "y": [1, 2, 4, 3]}, "ignore": ["x2"]})
    assert fitted["terms"] == ["1", "x1", "x3"]
    whole, alone = ({"X": [[row[i] for i in columns] for row in X]} for columns in ((0, 1, 2), (0, 2)))
    assert api.result("predict", {"model": "multivariate", "data": whole}) == api.result(
        "predict", {"model": "multivariate", "data": alone}
    )
    for width in (1, 4):
        refused = problem(api.post("predict", {"model": "multivariate", "data": {"X": [[1] * width]}}), 422)
        assert pointers(refused) == ["/data/X/0"]


def test_errors_about_rows_without_names_name_the_columns_of_the_fit(api: Api, fitted: Json) -> None:
    """In lists and in CSV, and after a fit that passed over the first column."""
    known = {"model": "multivariate", "data": {"X": [["Bern", 2, 7]]}}
    assert "column 'new': 7 is not true or false" in problem(api.post("predict", known), 422)["detail"]
    headers = {"Content-Type": "text/csv; header=absent"}
    lines = api.http.post("/models/multivariate/predict", content=b"Bern,2,seven\n", headers=headers)
    assert "line 1, column 'new': 'seven' is not true or false" in problem(lines, 422)["detail"]
    X = [[9, 1, 2], [8, 2, 4], [9, 3, 7]]
    api.result("fit", {"model": "multivariate", "data": {"X": X, "y": [1, 2, 3]}, "ignore": ["x1"]})
    inputs = {"model": "multivariate", "data": {"X": [[1, None]]}}
    assert "column 'x3': a value is missing" in problem(api.post("predict", inputs), 422)["detail"]
    table = {"model": "multivariate", "data": {"X": [[9, 1, None]]}}
    assert "column 'x3': a value is missing" in problem(api.post("predict", table), 422)["detail"]


@pytest.mark.parametrize("verb", ["predict", "score"])
def test_a_version_of_some_columns_of_a_source_is_used_with_the_source(api: Api, verb: str) -> None:
    """As it was at the fit, whether the request names the source or sends nothing."""
    source = {"source": "dummy", "params": {"inputs": 3}}
    api.result("fit", {"data": source, "ignore": ["x2"], "params": {"degree": 1}})
    assert api.result(verb) == api.result(verb, {"data": source})


@pytest.mark.parametrize("verb", ["predict", "score"])
def test_no_data_is_no_request(api: Api, verb: str) -> None:
    """But for a version that was itself fitted to the dummy source."""
    assert api.result("fit")["source"] == "dummy"
    assert api.result(verb)["source"] == "dummy"
    api.result("fit", {"data": {"X": [[1], [2]], "y": [1, 2]}, "params": {"degree": 1}})
    assert pointers(problem(api.post(verb), 422)) == ["/data"]


def test_blanks_around_names_do_not_count(api: Api) -> None:
    """At the fit and afterwards, in JSON as in CSV; two names that differ in them alone are one."""
    data = {"X": [{" a": 1, "b ": "x"}, {" a": 2, "b ": "x"}, {" a": 4, "b ": "y"}], "y": [1, 2, 4]}
    fitted = api.result("fit", {"model": "multivariate", "data": data, "ignore": [" b"]})
    assert fitted["terms"] == ["1", "a"]
    lists = {"X": [[3, 7]], "columns": ["a ", "b"]}
    for body in ({"X": [{"a": 3}]}, {"X": [{"a\t": 3, " b": None}]}, lists):
        kept = api.result("predict", {"model": "multivariate", "data": body, "keep": [" a "]})
        assert (kept["y"], kept["kept"]) == (pytest.approx([3.0]), {"a": [3]})
    assert api.csv("predict", " a , b\n3,7\n", model="multivariate")["y"] == pytest.approx([3.0])
    twice = {"X": [{"a": 1, "a ": 2}], "y": [1]}
    assert pointers(problem(api.post("fit", {"data": twice}), 422)) == ["/data/X/0/1"]
