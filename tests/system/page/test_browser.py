"""The page in a real browser, in both modes: fit, watch, predict and cancel, by mouse and by keyboard."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.api_keys import new_key
from tests.support.api import Api, gate
from tests.support.browser import artefacts, needs_chromium, visit
from tests.support.servers import ROOT, until
from tests.support.trinity import trinity

pytestmark = [pytest.mark.slow, needs_chromium]

METRICS = """\
# TYPE trinity_http_requests_total counter
trinity_http_requests_total{{method="POST",route="/predict",status="200"}} {count}
trinity_http_requests_total{{method="GET",route="/metrics",status="200"}} {own}
trinity_http_requests_total{{method="GET",route="/jobs/{{job_id}}",status="200"}} {own}
# TYPE trinity_http_request_duration_seconds histogram
trinity_http_request_duration_seconds_bucket{{le="0.01",route="/predict"}} {count}
trinity_http_request_duration_seconds_bucket{{le="+Inf",route="/predict"}} {count}
trinity_http_request_duration_seconds_bucket{{le="0.01",route="/jobs/events"}} 0
trinity_http_request_duration_seconds_bucket{{le="+Inf",route="/jobs/events"}} {own}
"""


@pytest.fixture(scope="module", params=["inline", "redis"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A Trinity of its own in either mode."""
    with trinity(request.param, tmp_path_factory.mktemp("page")) as running:
        yield running


@pytest.fixture
def url(site: Api) -> str:
    return str(site.http.base_url)


def test_a_newcomer_fits_looks_and_predicts(site: Api, url: str, browser: Browser) -> None:
    """From an empty store to a prediction without a reload; in async mode the job list shows the job's end."""
    with visit(browser, f"{url}/?model=reserved") as seen:
        page = seen.page
        expect(page.locator("#version")).to_contain_text("Nothing has been fitted yet")
        page.get_by_label("degree").locator("visible=true").fill("2")
        page.get_by_label("number").fill("120")
        page.get_by_role("button", name="Fit").click()
        assert seen.outcome("fit") == "reserved version 1 is fitted."
        expect(page.locator("#version-title")).to_have_text("reserved version 1")
        expect(page.get_by_role("img", name="Data and fit of reserved version 1, 120 rows")).to_be_visible()
        expect(page.get_by_role("img", name="Residuals")).to_be_visible()
        assert page.url.endswith("?model=reserved&version=1")
        if site.queued:
            expect(page.locator("#jobs-table tbody tr").first).to_contain_text("fit reserved 1success")
            expect(page.locator("#jobs-summary")).to_contain_text("0 running, 0 waiting")
        else:
            expect(page.locator("#jobs")).to_contain_text("no queue")
        page.locator("#predict").get_by_label("x").fill("0")
        page.get_by_role("button", name="Predict").click()
        assert re.fullmatch(r"y = [23]\.\d+", seen.outcome("predict"))


def test_a_classifier_shows_its_classes(site: Api, url: str, browser: Browser) -> None:
    """The confusion matrix and the ROC curve of the fit, and a bar for each probability after a prediction."""
    site.result("models/logistic/fit", {"data": {"source": "dummy", "params": {"kind": "classes", "number": 300}}})
    with visit(browser, f"{url}/?model=logistic") as seen:
        page = seen.page
        expect(page.get_by_role("img", name="Confusion matrix of logistic version 1")).to_be_visible()
        expect(page.get_by_role("img", name="ROC curve of logistic version 1")).to_be_visible()
        expect(page.get_by_role("region", name="Classes of logistic")).to_contain_text("high")
        page.locator("#predict").get_by_label("x").fill("-0.9")
        page.get_by_role("button", name="Predict").click()
        expect(page.locator("#predict-outcome strong")).to_have_text("y = low")
        expect(page.locator("#predict-outcome li")).to_have_count(2)
        expect(page.locator("#predict-outcome li").first).to_contain_text("low0.")
        page.screenshot(path=artefacts() / "classifier.png", full_page=True)


def test_a_file_is_fitted(url: str, browser: Browser) -> None:
    """The form lists its columns, and the user chooses the one to predict."""
    with visit(browser, url) as seen:
        page = seen.page
        page.get_by_label("Model", exact=True).select_option("multivariate")
        page.get_by_label("CSV file").check()
        page.get_by_label("File", exact=True).set_input_files(ROOT / "tests/data/longley.csv")
        columns = page.locator("#columns")
        expect(columns.locator("tbody tr")).to_have_count(7)
        columns.get_by_label("Predict year").uncheck()
        columns.get_by_label("Predict employed").check()
        page.get_by_role("button", name="Fit").click()
        assert seen.outcome("fit").startswith("multivariate version ")
        expect(page.get_by_role("img", name="Predicted against actual employed")).to_be_visible()
        expect(page.locator(".figures")).to_contain_text("0.9955")
        page.get_by_role("button", name="Predict").click()
        assert seen.outcome("predict").startswith("employed = ")


def test_errors_are_shown(url: str, browser: Browser) -> None:
    """The service's error and its pointer are shown; the form keeps its values."""
    with visit(browser, url, tolerated="422") as seen:
        seen.page.get_by_label("function").fill("oops")
        seen.page.get_by_role("button", name="Fit").click()
        assert seen.outcome("fit") == "expected an array, got a string (/data/params/function)"
        assert seen.page.get_by_label("function").input_value() == "oops"
        expect(seen.page.get_by_role("button", name="Fit")).to_be_enabled()


def test_text_that_looks_like_a_number_is_sent_as_text(url: str, browser: Browser) -> None:
    """Where a model's parameter is text, such as the name of a gate."""
    with visit(browser, url, tolerated="422") as seen:
        page = seen.page
        page.route("**/fit", lambda route: route.fulfill(status=422, json={"detail": "seen"}))
        page.get_by_label("Model", exact=True).select_option("gated")
        page.get_by_label("gate").locator("visible=true").fill("5")
        with page.expect_request("**/fit") as sent:
            page.get_by_role("button", name="Fit").click()
        assert seen.outcome("fit") == "seen"
        assert sent.value.post_data_json["params"] == {"gate": "5"}


@pytest.mark.parametrize("site", ["redis"], indirect=True)
def test_a_running_fit_is_watched_and_cancelled(site: Api, url: str, browser: Browser, tmp_path: Path) -> None:
    """Also another caller's: its row appears at once, and its button goes when the job ends."""
    with visit(browser, url) as seen, gate(tmp_path) as closed:
        job_id = site.post("fit", closed.body()).json()["id"]
        row = seen.page.locator(f'#jobs-table tr[data-id="{job_id}"]')
        expect(row).to_contain_text("started")
        expect(seen.page.locator("#jobs-summary")).to_contain_text("1 running")
        cancel = row.get_by_role("button", name=f"Cancel the fit {job_id[:8]}")
        cancel.focus()
        seen.page.keyboard.press("Enter")
        expect(row).to_contain_text("revoked")
        expect(cancel).to_have_count(0)
        expect(seen.page.locator("#jobs-title")).to_be_focused()


@pytest.mark.parametrize("site", ["redis"], indirect=True)
def test_a_fit_shows_its_step_in_words(site: Api, url: str, browser: Browser, tmp_path: Path) -> None:
    with visit(browser, url) as seen, gate(tmp_path) as closed:
        job_id = site.post("fit", closed.body()).json()["id"]
        row = seen.page.locator(f'#jobs-table tr[data-id="{job_id}"]')
        expect(row).to_contain_text("started 40 % at the gate")
        closed.wait_for_fit()
        closed.open()
        expect(row).to_contain_text("success")
        expect(row).not_to_contain_text("at the gate")


@pytest.mark.parametrize("site", ["redis"], indirect=True)
def test_a_long_fit_shows_how_far_it_is(site: Api, url: str, browser: Browser) -> None:
    """As its model reports its progress."""
    body = {"params": {"degree": 8}, "data": {"source": "dummy", "params": {"number": 2_000_000, "inputs": 2}}}
    with visit(browser, url) as seen:
        job_id = site.post("fit", body).json()["id"]
        row = seen.page.locator(f'#jobs-table tr[data-id="{job_id}"]')
        expect(row.get_by_role("progressbar", name="Progress")).to_be_visible(timeout=30_000)
        row.get_by_role("button").click()
        expect(row).to_contain_text("revoked")


def test_all_of_it_is_reached_by_keyboard(site: Api, url: str, browser: Browser) -> None:
    """The first stop skips to the content, every field has a label, and Enter sends a form."""
    site.result("fit")
    with visit(browser, f"{url}/?model=polynomial") as seen:
        page = seen.page
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        unnamed = "[...document.querySelectorAll('input, select')].filter((one) => !one.labels.length).length"
        assert page.evaluate(unnamed) == 0
        stops = set()
        for _ in range(80):
            page.keyboard.press("Tab")
            stops.add(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
        assert {"fit-model", "source-dummy-number", "Fit"} <= stops
        page.get_by_label("seed").press("Enter")
        assert seen.outcome("fit").endswith("is fitted.")


def test_without_a_script_the_page_reads_the_same(site: Api, url: str, browser: Browser) -> None:
    """It shows versions and plots, and says that nothing can be changed."""
    site.result("fit")
    with visit(browser, f"{url}/?model=polynomial", java_script_enabled=False) as seen:
        expect(seen.page.get_by_role("img", name="Data and fit of polynomial")).to_be_visible()
        # Chromium shows <noscript> only where scripts are off for good, and not where a test has switched them off
        assert "<noscript><p" in seen.page.content().replace("&lt;", "<")
        expect(seen.page.get_by_role("button", name="Fit")).to_be_disabled()
        if site.queued:
            expect(seen.page.locator("#jobs-table tbody tr").first).to_contain_text("success")


def test_the_traffic_is_drawn(url: str, browser: Browser) -> None:
    """From the metrics, without the page's own requests."""
    polls = iter(range(1, 1000))
    with visit(browser, url) as seen:
        page = seen.page
        page.route("**/metrics", lambda route: route.fulfill(body=figures(next(polls)), content_type="text/plain"))
        page.reload()
        expect(page.locator("#rate")).to_have_text(re.compile(r"(19|20|21)"), timeout=15_000)
        expect(page.locator("#latency")).to_have_text("9.5 ms")
        expect(page.locator("#rate-spark path")).to_have_count(1)


def test_the_traffic_of_the_last_minutes_is_there_when_the_page_opens(site: Api, url: str, browser: Browser) -> None:
    """Counted by the server, over its processes; nothing is fetched for it."""
    for _ in range(30):
        assert site.http.get("/models").status_code == 200
    counted = re.compile(r"latency&#34;: \[[^\]]*\d")
    until(lambda: bool(counted.search(site.http.get("/", headers={"Accept": "text/html"}).text)), "the interval's end")
    with visit(browser, url, tolerated="ERR_FAILED") as seen:
        seen.page.route("**/metrics", lambda route: route.abort())
        seen.page.reload()
        expect(seen.page.locator("#rate")).to_have_text(re.compile(r"\d"))
        expect(seen.page.locator("#latency-spark path")).to_have_attribute("d", re.compile("M"))


def test_the_health_comes_back(url: str, browser: Browser) -> None:
    """A poll without an answer is shown, until the next one that has an answer."""
    with visit(browser, url, tolerated="ERR_FAILED") as seen:
        page, lights = seen.page, seen.page.locator("#health li")
        page.clock.install()
        page.reload()
        page.route("**/health/ready", lambda route: route.abort())
        page.clock.run_for(16_000)
        expect(lights.first).to_have_text(re.compile(": no answer$"))
        expect(lights.first).to_have_class("bad")
        page.unroute("**/health/ready")
        page.clock.run_for(16_000)
        expect(lights.first).to_have_text(re.compile(": ok$"))
        expect(lights.first).to_have_class("ok")


def test_a_fit_is_not_shown_when_the_page_cannot_be_fetched(url: str, browser: Browser) -> None:
    """Another answer is not shown as the page; the outcome says that the fit was done."""
    with visit(browser, url, tolerated="503") as seen:
        title = seen.page.title()
        seen.page.route("**/?model=*", lambda route: route.fulfill(status=503, json={"detail": "no"}))
        seen.page.get_by_role("button", name="Fit").click()
        assert seen.outcome("fit") == "The fit is done, but the server answered 503 to the request for this page."
        assert seen.page.url == f"{url}/"
        assert seen.page.title() == title


def figures(poll: int) -> str:
    return METRICS.format(count=100 * poll, own=7_000 * poll)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_fits_its_window(site: Api, url: str, browser: Browser, width: int, scheme: str) -> None:
    """Nothing overflows; a screenshot is kept."""
    site.result("fit", {"data": {"source": "dummy", "params": {"number": 120}}})
    with visit(browser, f"{url}/?model=polynomial", width=width, color_scheme=scheme) as seen:
        expect(seen.page.get_by_role("img").first).to_be_visible()
        assert not seen.overflows()
        seen.page.screenshot(path=artefacts() / f"page-{site.mode}-{width}-{scheme}.png", full_page=True)


@pytest.mark.parametrize("mode", ["inline", "redis"])
def test_with_keys_a_browser_logs_in_to_read_and_types_a_key_to_change(
    mode: str, browser: Browser, tmp_path: Path
) -> None:
    """The browser's own password may read and not change; the key in the field may change."""
    (reads, reader), (fits, fitter) = new_key("reader", "read"), new_key("fitter", "fit")
    keys = f"{reader.entry},{fitter.entry}"
    with trinity(mode, tmp_path, TRINITY_API_KEYS=keys) as site:  # type: ignore[arg-type]
        login = {"username": "me", "password": reads}
        with visit(browser, str(site.http.base_url), tolerated="401", http_credentials=login) as seen:
            seen.page.get_by_role("button", name="Fit").click()
            assert seen.outcome("fit").startswith("this needs a key")
            seen.page.get_by_label("Key for fitting").fill(fits)
            seen.page.get_by_role("button", name="Fit").click()
            expect(seen.page.locator("#fit-outcome")).to_have_text("polynomial version 1 is fitted.")
            if site.queued:
                expect(seen.page.locator("#jobs-table tbody tr").first).to_contain_text("success")


def test_a_version_is_made_the_champion(site: Api, url: str, browser: Browser) -> None:
    """And no longer is; who chose from an older page is told where the champion is, and nothing is undone."""
    for degree in (1, 2):
        body = {"params": {"degree": degree}, "data": {"source": "dummy"}}
        site.result("models/listed/fit", body)
    late = visit(browser, f"{url}/?model=listed&version=2", tolerated="409")
    with visit(browser, f"{url}/?model=listed&version=1") as seen, late as old:
        page = seen.page
        page.get_by_role("button", name="Make it the champion").click()
        assert seen.outcome("alias") == "This version serves."
        expect(page.locator("#version")).to_contain_text("This version is the champion")
        expect(page.locator("#models tr", has_text="champion").get_by_role("rowheader")).to_contain_text("1")
        assert site.http.get("/models/listed").json()["aliases"] == {"champion": 1, "latest": 2}
        old.page.get_by_role("button", name="Make it the champion").click()
        assert "stands at version 1, expected none" in old.outcome("alias")
        page.get_by_text("History of its aliases").locator("visible=true").click()
        expect(page.locator(".moves li").first).to_contain_text("champion from none to 1, request")
        page.get_by_role("button", name="Remove the champion").click()
        assert seen.outcome("alias") == "The latest version serves."
    assert site.http.get("/models/listed").json()["aliases"] == {"latest": 2}


def test_a_model_is_made_under_a_name(site: Api, url: str, browser: Browser) -> None:
    """Of the estimator of the chosen model."""
    with visit(browser, f"{url}/?model=multivariate") as seen:
        seen.page.get_by_label("Name of a new model").fill("houses")
        seen.page.get_by_role("button", name="Fit").click()
        assert seen.outcome("fit") == "houses version 1 is fitted."
        expect(seen.page.locator("#version-title")).to_have_text("houses version 1")
    assert site.http.get("/models/houses").json()["estimator"] == "multivariate"
