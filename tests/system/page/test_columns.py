"""Columns of every kind in a real browser: chosen for a fit, shown with the version, and fields to predict with it."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.api import Api, Json
from tests.support.browser import artefacts, needs_chromium, visit
from tests.support.trinity import trinity

pytestmark = [pytest.mark.slow, needs_chromium]

ROWS: list[Json] = [
    {"id": number, "city": city, "size": size, "new": number % 2 == 0}
    for number, (city, size) in enumerate(
        [("Bern", 1), ("Chur", 2.5), ("Bern", 3), ("Genf", 4), ("Chur", 5), ("Genf", 7)]
    )
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with trinity("inline", tmp_path_factory.mktemp("page")) as running:
        yield running


@pytest.fixture
def url(site: Api) -> str:
    return str(site.http.base_url)


def fit(site: Api, **data: Json) -> str:
    """The path of the page with a new version of rents, which are 1 + 2 size, and 5 more in Chur and 3 if new."""
    y = [1 + 2 * row["size"] + 5 * (row["city"] == "Chur") + 3 * row["new"] for row in ROWS]
    fitted = site.call("fit", {"model": "multivariate", "data": {"X": ROWS, "y": y}, "ignore": ["id"], **data})
    return f"/?model=multivariate&version={fitted['version']}"


def test_the_columns_of_a_version_are_shown(site: Api, url: str, browser: Browser) -> None:
    with visit(browser, url + fit(site)) as seen:
        rows = seen.page.locator("#version .schema tbody tr")
        expect(rows).to_have_text(
            [re.compile("city\\s*text\\s*Bern, Chur, Genf"), "sizenumber1 to 7", "newbooleantrue or false"]
        )
        expect(seen.page.locator(".details")).to_contain_text(re.compile("Left out\\s*id"))
        expect(seen.page.get_by_role("img", name="Predicted against actual")).to_be_visible()


def test_each_column_has_a_field_of_its_kind(site: Api, url: str, browser: Browser) -> None:
    """A choice of the texts, a number, a tick; together they predict what the fit learned."""
    with visit(browser, url + fit(site)) as seen:
        form = seen.page.locator("#predict-form")
        expect(form.get_by_label("city").locator("option")).to_have_text(["Bern", "Chur", "Genf"])
        form.get_by_label("city").select_option("Chur")
        form.get_by_label("size").fill("10")
        form.get_by_label("new").check()
        form.get_by_role("button", name="Predict").click()
        assert seen.outcome("predict") == "y = 29"
        form.get_by_label("city").select_option("Bern")
        form.get_by_label("new").uncheck()
        form.get_by_role("button", name="Predict").click()
        expect(seen.page.locator("#predict-outcome")).to_have_text("y = 21")


def test_an_empty_field_is_a_missing_value(site: Api, url: str, browser: Browser) -> None:
    with visit(browser, url + fit(site), tolerated="422") as seen:
        seen.page.locator("#predict-form").get_by_label("size").fill("")
        seen.page.get_by_role("button", name="Predict").click()
        assert "a value is missing" in seen.outcome("predict")


def test_many_columns_are_one_line(site: Api, url: str, browser: Browser) -> None:
    """More than the form has room for: a row of CSV, under names with commas and quotes too."""
    names = ['a "b", c', *map(str, range(49))]
    X = [[float(row == column) for column in range(50)] for row in range(50)]
    data = {"X": X, "y": [float(row + 1) for row in range(50)], "columns": names}
    fitted = site.call("fit", {"model": "multivariate", "params": {"fit_intercept": False}, "data": data})
    with visit(browser, f"{url}/?model=multivariate&version={fitted['version']}") as seen:
        field = seen.page.get_by_label("50 values, comma separated")
        field.fill(",".join(["1"] + ["0"] * 48 + ["2"]))
        seen.page.get_by_role("button", name="Predict").click()
        assert seen.outcome("predict") == "y = 101"
        expect(seen.page.locator(".hint").filter(has_text="inputs")).to_have_text(
            "40 of 50 inputs; the manifest has all."
        )


@pytest.mark.parametrize("width", [1280, 400])
def test_it_fits_its_window(site: Api, url: str, browser: Browser, width: int) -> None:
    long = {
        "X": [{"a" * 60: f"{'text ' * 30}{row}", "b": row} for row in range(12)],
        "y": [float(row) for row in range(12)],
    }
    path = fit(site, data=long, ignore=["b"])
    with visit(browser, url + path, width=width) as seen:
        expect(seen.page.locator("#version .schema")).to_be_visible()
        assert not seen.overflows()
        seen.page.screenshot(path=artefacts() / f"columns-{width}.png", full_page=True)


def test_columns_of_a_file_are_chosen(url: str, browser: Browser, tmp_path: Path) -> None:
    """Each is listed with its kind; those without a tick are left out, one is predicted, one holds the weights."""
    lines = [f"{row['id']},{row['city']},{row['size']},2020-01-0{row['id'] + 1},{row['size'] * 3},1" for row in ROWS]
    file = tmp_path / "rents.csv"
    file.write_text("\n".join(["id,city,size,day,rent,weight", *lines]) + "\n")
    with visit(browser, url) as seen:
        columns = choose(seen.page, file)
        expect(columns.locator("tbody td:nth-child(2)")).to_have_text(
            ["number", "text", "number", "datetime", *["number"] * 2]
        )
        columns.get_by_label("Predict weight").uncheck()
        columns.get_by_label("Predict rent").check()
        expect(columns.get_by_label("rent", exact=True)).to_be_disabled()
        for name in ("id", "city", "day"):
            columns.get_by_label(name, exact=True).uncheck()
        seen.page.get_by_label("Weights of the rows").select_option("weight")
        with seen.page.expect_request("**/fit?*") as sent:
            seen.page.get_by_role("button", name="Fit").click()
        assert parse_qs(urlsplit(sent.value.url).query)["weight"] == ["weight"]
        assert "is fitted" in seen.outcome("fit")
        expect(seen.page.locator("#version .schema tbody tr")).to_have_text(["sizenumber1 to 7"])
        expect(seen.page.locator(".details")).to_contain_text("id, city, day")


FILES: dict[str, tuple[bytes, list[str]]] = {
    "decimal commas": (
        "größe;stadt;preis\n1,5;Bern;2\n-;Ulm;3,5\n".encode(),
        ["größe number", "stadt text", "preis number"],
    ),
    "a line that names the separator": (b"sep=|\r\na|b\r\n1|true\r\n", ["a number", "b boolean"]),
    "tabs in UTF-16": ("a\tb\n1\t\n2\t\n".encode("utf-16"), ["a number", "b empty"]),
    "blanks": (b"a  b   c\n1  2   3\n 4 5 6\n", ["a number", "b number", "c number"]),
    "quotes": (b'\xef\xbb\xbf"a, b","c ""d"""\r\n"x\ny",2020-01-01T00:00:00Z\r\n', ["a, b text", 'c "d" datetime']),
    "no names": (b"1,2\n3,4\n", ["x1 number", "x2 number"]),
    "row names without a name": (b"a b\nr1 1 x\nr2 2 y\n", ["a number", "b text"]),
    "separators at the end": (b"a;b;;\n1;x;;\n;y;;\n", ["a number", "b text"]),
    "packed": (gzip.compress(b"a,b\n" + b"1,2\n" * 100_000), ["a number", "b number"]),
}


@pytest.mark.parametrize("case", FILES)
def test_files_are_understood_from_their_first_lines(url: str, browser: Browser, tmp_path: Path, case: str) -> None:
    content, listed = FILES[case]
    file = tmp_path / "file.csv"
    file.write_bytes(content)
    with visit(browser, url) as seen:
        rows = choose(seen.page, file).locator("tbody tr")
        expect(rows).to_have_count(len(listed))
        assert [" ".join(row.locator("th, td:nth-child(2)").all_inner_texts()) for row in rows.all()] == listed


def test_the_user_says_how_a_file_is_written(url: str, browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    file.write_bytes("straße,2;b\nx;1\n".encode("windows-1252"))
    with visit(browser, url) as seen:
        columns = choose(seen.page, file)
        assert seen.outcome("fit") == "The file is not in this encoding. Choose another one."
        seen.page.get_by_label("Encoding").select_option("windows-1252")
        expect(seen.page.locator("#fit-outcome")).to_be_empty()
        seen.page.get_by_label("Between cells").select_option("semicolon")
        expect(columns.get_by_label("straße,2", exact=True)).to_be_checked()
        seen.page.get_by_label("Names in the first row").select_option("absent")
        expect(columns.get_by_label("x1", exact=True)).to_be_checked()


def test_warnings_of_a_fit_are_shown(url: str, browser: Browser, tmp_path: Path) -> None:
    """Below its outcome, and with the version."""
    file = tmp_path / "file.csv"
    file.write_text("a,b,y\n1,2,1\n2,4,2\n3,6,4\n")
    with visit(browser, url) as seen:
        choose(seen.page, file)
        seen.page.get_by_role("button", name="Fit").click()
        assert seen.outcome("fit").endswith("is fitted.\n1 of 3 terms is redundant: b")
        expect(seen.page.locator("#version .warning")).to_have_text("1 of 3 terms is redundant: b")


def choose(page: Page, file: Path) -> Locator:
    """Choose a CSV file in the form; return the list of its columns."""
    page.get_by_label("Model", exact=True).select_option("multivariate")
    page.get_by_label("CSV file").check()
    page.get_by_label("File", exact=True).set_input_files(file)
    return page.locator("#columns")
