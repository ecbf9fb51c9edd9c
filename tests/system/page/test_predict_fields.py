"""The page sends each value of its forms as what it is, and shows labels as they are: own models and scikit-learn."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.api import Api, Json
from tests.support.browser import Visit, needs_chromium, visit
from tests.support.trinity import trinity

pytestmark = [pytest.mark.slow, needs_chromium]

ROWS: list[Json] = [
    {"city": "10" if row % 2 else "020", "area": 10.0 * row, "rooms": row % 3 + 1, "new": row % 2 == 0}
    for row in range(12)
]
LABELS: dict[str, list[Any]] = {
    "texts": ["low", "high"],
    "texts that look like numbers": ["01", "2.0"],
    "whole numbers": [1234567, 7654321],
    "truth values": [False, True],
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    models = "app.model.models,tests.support.zoo"
    with trinity("inline", tmp_path_factory.mktemp("page"), TRINITY_MODELS=models) as running:
        yield running


def page_of(site: Api, version: Json) -> str:
    return f"{site.http.base_url}/?model={version['model']}&version={version['version']}"


def predict(seen: Visit) -> Any:
    """Send the form; return the row that it sent."""
    with seen.page.expect_request("**/predict") as sent:
        seen.page.get_by_role("button", name="Predict").click()
    (row,) = sent.value.post_data_json["data"]["X"]
    return row


@pytest.mark.parametrize("model", ["logistic", "churn"])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_are_shown_as_they_are(site: Api, browser: Browser, model: str, labels: list[Any]) -> None:
    """And a text that looks like a number is sent as the text that it is."""
    rows = [{name: row[name] for name in ("city", "area", "rooms")} for row in ROWS]
    y = [labels[row["area"] > 50] for row in ROWS]
    version = site.call(f"models/{model}/fit", {"data": {"X": rows, "y": y}})
    with visit(browser, page_of(site, version)) as seen:
        form = seen.page.locator("#predict-form")
        expect(form.get_by_label("city").locator("option")).to_have_text(["020", "10"])
        form.get_by_label("city").select_option("020")
        form.get_by_label("area").fill("500")
        form.get_by_label("rooms").fill("2")
        assert predict(seen) == ["020", 500, 2]
        shown = str(labels[1]).lower() if isinstance(labels[1], bool) else str(labels[1])
        expect(seen.page.locator("#predict-outcome strong")).to_have_text(f"y = {shown}")


@pytest.mark.parametrize("model", ["multivariate", "house_price"])
def test_a_truth_value_is_a_tick(site: Api, browser: Browser, model: str) -> None:
    version = site.call(f"models/{model}/fit", {"data": {"X": ROWS, "y": [row["area"] for row in ROWS]}})
    with visit(browser, page_of(site, version)) as seen:
        new = seen.page.locator("#predict-form").get_by_label("new")
        new.check()
        assert predict(seen)[3] is True
        assert seen.outcome("predict").startswith("y = ")
        new.uncheck()
        assert predict(seen)[3] is False


@pytest.mark.parametrize("time", ["2001-02-03T00:00:00", "2001-02-03T04:05:06"])
def test_a_time_is_a_date_field(site: Api, browser: Browser, time: str) -> None:
    """Also at a full minute, which browsers give without seconds."""
    rows = [{**row, "built": f"20{10 + at}-01-01T00:00:00Z"} for at, row in enumerate(ROWS)]
    rows = [{name: row[name] for name in ("area", "rooms", "built")} for row in rows]
    version = site.call("models/own_steps/fit", {"data": {"X": rows, "y": [row["area"] for row in rows]}})
    with visit(browser, page_of(site, version)) as seen:
        built = seen.page.locator("#predict-form").get_by_label("built")
        assert built.get_attribute("type") == "datetime-local"
        built.fill(time)
        sent = predict(seen)[2]
        assert sent.endswith("Z") and time.startswith(sent[:-1])
        assert seen.outcome("predict").startswith("y = ")


def test_a_text_is_a_field_for_text(site: Api, browser: Browser) -> None:
    """Of words that the fit need not have seen; digits stay a text."""
    rows = [{"about": f"{'old' if row % 2 else 'new'} house {row}", "rooms": row} for row in range(12)]
    version = site.call("models/described/fit", {"data": {"X": rows, "y": [float(row) for row in range(12)]}})
    with visit(browser, page_of(site, version)) as seen:
        field = seen.page.locator("#predict-form").get_by_label("about")
        field.fill("12345")
        assert predict(seen)[0] == "12345"
        assert seen.outcome("predict").startswith("y = ")


@pytest.mark.parametrize("model", ["logistic", "logistic_texts"])
def test_the_dummy_source_gives_a_classifier_labels(site: Api, browser: Browser, model: str) -> None:
    """Whichever model was chosen before; a regressor gets numbers again."""
    with visit(browser, f"{site.http.base_url}/?model=polynomial") as seen:
        chosen, kind = seen.page.get_by_label("Model", exact=True), seen.page.locator("#source-dummy-kind")
        expect(kind).to_have_value("numbers")
        chosen.select_option(model)
        expect(kind).to_have_value("classes")
        seen.page.get_by_role("button", name="Fit").click()
        assert seen.outcome("fit").startswith(f"{model} version ")
        expect(kind).to_have_value("classes")
        chosen.select_option("ridge")
        expect(kind).to_have_value("numbers")
