"""Labels that are easily changed on their way stand on the page as they came: JavaScript rounds, HTML trims."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.api import Api
from tests.support.browser import Visit, needs_chromium, visit
from tests.support.great_labels import GREAT, GREATER, OLD, OLDER, publish_great
from tests.support.odd_labels import KEPT, TEXTS, rows_of
from tests.support.trinity import trinity

pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.fixture(scope="module", params=["inline", "redis"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Its first versions have labels beyond 2^53."""
    folder = tmp_path_factory.mktemp("page")
    assert [publish_great(folder / "store", labels) for labels in (GREAT, GREATER)] == [OLD, OLDER]
    with trinity(request.param, folder) as running:
        yield running


def predicted(seen: Visit, x: int) -> str:
    """What the page says of a row, every character of it."""
    seen.page.locator("#predict").get_by_label("x").fill(str(x))
    with seen.page.expect_response("**/predict"):
        seen.page.get_by_role("button", name="Predict", exact=True).click()
    seen.outcome("predict")
    return seen.page.locator("#predict-outcome strong").text_content() or ""


def test_texts_are_shown_as_they_are(site: Api, browser: Browser) -> None:
    version = site.call("fit", {"model": "bayes", "data": rows_of(TEXTS)})["version"]
    with visit(browser, f"{site.http.base_url}/?model=bayes&version={version}") as seen:
        assert [predicted(seen, x) for x in range(len(TEXTS))] == [f"y = {label}" for label in TEXTS]


@pytest.mark.parametrize("case", ["great", "truth"])
def test_numbers_and_truth_values_are_shown_as_they_are(site: Api, browser: Browser, case: str) -> None:
    labels = KEPT[case]
    fitted = site.call("fit", {"model": "bayes", "data": {"X": [[0.0], [1.0]] * 2, "y": labels * 2}})
    check_shown(site, browser, fitted["version"], labels)


@pytest.mark.parametrize(("version", "labels"), [(OLD, GREAT), (OLDER, GREATER)], ids=["old", "older"])
def test_numbers_that_javascript_rounds_are_shown_as_they_are(
    site: Api, browser: Browser, version: int, labels: list[int]
) -> None:
    check_shown(site, browser, version, labels)


def check_shown(site: Api, browser: Browser, version: int, labels: list[Any]) -> None:
    """Hold that the page shows both labels, as what is predicted and beside the probabilities."""
    expected = [str(label).lower() for label in labels]
    with visit(browser, f"{site.http.base_url}/?model=bayes&version={version}") as seen:
        assert [predicted(seen, x) for x in range(2)] == [f"y = {label}" for label in expected]
        assert (seen.page.locator("#predict-outcome li").first.text_content() or "").startswith(expected[1])
