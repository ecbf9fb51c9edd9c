"""Columns of every kind in a real browser: what the page shows of a version, and the fields that predict with it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.api import Api, Json
from tests.support.browser import artefacts, chromium, missing_chromium, visit
from tests.support.trinity import trinity

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing_chromium()), reason=missing_chromium() or "-")]

ROWS: list[Json] = [
    {"id": number, "city": city, "size": size, "new": number % 2 == 0}
    for number, (city, size) in enumerate(
        [("Bern", 1), ("Chur", 2.5), ("Bern", 3), ("Genf", 4), ("Chur", 5), ("Genf", 7)]
    )
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


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
        rows = seen.page.locator("table.schema tbody tr")
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
        expect(seen.page.locator("table.schema")).to_be_visible()
        assert not seen.overflows()
        seen.page.screenshot(path=artefacts() / f"columns-{width}.png", full_page=True)
