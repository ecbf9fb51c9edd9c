"""Columns of text in a fit that look like numbers or dates: refused, or warned of where they may be categories."""

import csv
import io
from typing import Any

import pytest

from tests.support.api import Api, Json, pointers, problem

CSV = {"Content-Type": "text/csv"}
QUERY = {"model": "multivariate", "target": "y"}
NUMBERS = {
    "percent": (["45.3%", "12%", "7.25 %"], "45.3"),
    "currency before": (["€ 45", "€ 7", "€ 1"], "45"),
    "currency behind": (["45 CHF", "7 CHF", "1 CHF"], "45"),
    "apostrophes of typography": (["1’094", "2’312", "999’001"], "1094"),
    "narrow blanks": (["1\u202f094,5", "2\u202f312,5", "12,25"], "1094.5"),
    "minus of Unicode": (["−5", "−7", "−1.5"], "-5"),
    "unit": (["12 kg", "13.5 kg", "9 kg"], "12"),
    "digits of another script": (["١٢", "١٣", "٩"], "12"),
    "in parentheses": (["(45)", "(12.5)", "(3)"], "-45"),
}
DATES = {
    "German": ["31.12.2024", "1.1.2025", "2.1.2025"],
    "American": ["12/31/2024", "1/1/2025", "1/2/2025"],
    "in words": ["31 December 2024", "1 January 2025", "2 January 2025"],
    "with times": ["31.12.2024 10:00", "1.1.2025 11:30", "2.1.2025 9:15"],
    "times of day": ["10:00", "11:30", "9:15"],
}


def table(cells: list[str]) -> bytes:
    """A CSV file with a number, the cells, and y."""
    text = io.StringIO()
    rows = [[i, cell, i * i] for i, cell in enumerate(cells)]
    csv.writer(text, lineterminator="\n").writerows([["a", "odd", "y"], *rows])
    return text.getvalue().encode()


def refusals(api: Api, cells: list[str]) -> list[Json]:
    """The refusals of a fit to CSV and to named rows of JSON."""
    X = [{"a": i, "odd": cell} for i, cell in enumerate(cells)]
    body: Any = {"model": "multivariate", "data": {"X": X, "y": [i * i for i in range(len(cells))]}}
    as_csv = api.http.post("/fit", content=table(cells), headers=CSV, params=QUERY)
    return [problem(as_csv, 422), problem(api.post("fit", body), 422)]


@pytest.mark.parametrize("kind", NUMBERS)
def test_texts_that_look_like_numbers_are_refused(api: Api, no_job: None, kind: str) -> None:
    """With the column, its first value and line, and what to do."""
    cells, reading = NUMBERS[kind]
    of_csv, of_json = refusals(api, cells)
    rest = f"{cells[0]!r} looks like a number but is not read as one; write {reading}, or leave the column out"
    assert of_csv["detail"] == f"line 2, column 'odd': {rest} (ignore=odd)"
    assert of_json["detail"] == f"row 0, column 'odd': {rest} (ignore=odd)"
    assert (pointers(of_csv), pointers(of_json)) == (["/data/X/0/1"], ["/data/X/0/odd"])


@pytest.mark.parametrize("kind", DATES)
def test_texts_that_look_like_dates_are_refused(api: Api, no_job: None, kind: str) -> None:
    """As those of ISO 8601 are."""
    for refused in refusals(api, DATES[kind]):
        rest = f"{DATES[kind][0]!r} looks like a date or a time; convert it to numbers, or leave the column out"
        assert refused["detail"].endswith(f", column 'odd': {rest} (ignore=odd)")


def test_all_columns_that_stand_in_the_way_are_named(api: Api) -> None:
    """Also those with other faults, each with the first line that has such a text."""
    text = "a,share,day,y\n1,none,31.12.2024,1\n,5%,1.1.2025,2\n3,6%,,3\n"
    refused = problem(api.http.post("/fit", content=text.encode(), headers=CSV, params=QUERY), 422)
    assert refused["detail"].startswith("3 columns cannot be used. ")
    assert [each["detail"].partition(";")[0] for each in refused["errors"]] == [
        "line 3, column 'a': a value is missing, 1 of 3 in this column",
        "line 3, column 'share': '5%' looks like a number but is not read as one",
        "line 2, column 'day': '31.12.2024' looks like a date or a time",
    ]


@pytest.mark.parametrize("texts", [["5 mg", "10 mg", "20 mg"], ["0%", "50%"], ["1.1.2024", "1.2.2024"]])
def test_few_texts_that_recur_may_be_categories(api: Api, texts: list[str]) -> None:
    """They are taken as such, with a warning."""
    result = api.csv("fit", table([texts[i % len(texts)] for i in range(30)]), **QUERY)
    assert result["terms"] == ["1", "a", *(f"odd={text}" for text in sorted(texts)[1:])]
    expected = f"line 2, column 'odd': {texts[0]!r} looks like a "
    assert result["warnings"][0].startswith(expected)
    assert f"; the column is taken as {len(texts)} categories: if it is not one, " in result["warnings"][0]
    assert result["warnings"][0].endswith("or leave the column out (ignore=odd)")


def test_numbers_sent_as_text_are_warned_of(api: Api) -> None:
    """A sender of JSON may mean the categories; codes with a zero before are such."""
    X = [{"a": i, "odd": str(i * 7), "zip": f"0{i}"} for i in range(5)]
    result = api.result("fit", {"model": "multivariate", "data": {"X": X, "y": [1, 5, 2, 4, 3]}})
    assert result["warnings"][0] == (
        "row 0, column 'odd': '0' is a number sent as text; the column is taken as 5 categories: if it is not one, "
        "send it without quotes, or leave the column out (ignore=odd)"
    )
    assert not any("'zip'" in warning for warning in result["warnings"])


@pytest.mark.parametrize(
    "texts", [["12A", "13B", "14C"], ["A1", "A2", "A3"], ["1.2.3", "1.2.4", "1.3.0"], ["1-2", "3-4"]]
)
def test_other_texts_with_digits_are_texts(api: Api, texts: list[str]) -> None:
    """House numbers, codes, versions and ranges."""
    result = api.csv("fit", table(texts * 3), **QUERY)
    assert len(result["terms"]) == 1 + len(texts)
    assert not any("'odd'" in warning and "looks like" in warning for warning in result["warnings"])


def test_a_target_that_looks_like_numbers_says_how_to_write_it(api: Api) -> None:
    """It must be numbers in any case."""
    text = b"a,y\n1,5%\n2,7%\n3,9%\n"
    refused = problem(api.http.post("/fit", content=text, headers=CSV, params=QUERY), 422)
    hint = "'5%' looks like a number but is not read as one: write 5"
    assert refused["detail"] == f"line 2, column 'y': 'y' must hold numbers, not text; {hint}"


def test_what_a_fit_took_as_text_predicts_as_before(api: Api) -> None:
    """Versions that know such texts go on."""
    texts = ["5 mg", "10 mg"] * 8
    api.csv("fit", table(texts), **QUERY)
    assert len(api.csv("predict", table(["10 mg"]), model="multivariate")["y"]) == 1
