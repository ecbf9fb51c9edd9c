"""A script of another origin in a real browser: it may call what the settings allow, with a key and without."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page

from app.api_keys import new_key
from tests.support.trinity import trinity

SECRET, KEY = new_key("dashboard", "fit+predict+read")
FETCH = """async ([url, options]) => {
    const answer = await fetch(url, options);
    const text = await answer.text();
    return {status: answer.status, text, headers: Object.fromEntries(answer.headers)};
}"""
EVENTS = """(url) => new Promise((done) => {
    const source = new EventSource(url);
    source.addEventListener("jobs", (event) => { source.close(); done(event.data); });
    source.addEventListener("error", () => { source.close(); done("error"); });
})"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def dashboard(folder: Path) -> Iterator[str]:
    """The origin of another site: a page with nothing on it."""
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>dashboard</title><link rel=icon href='data:,'>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def script(browser: Browser, origin: str) -> Iterator[Page]:
    """A page of the other site."""
    page = browser.new_page()
    try:
        page.goto(origin)
        yield page
    finally:
        page.close()


def fetch(page: Page, url: str, **options: Any) -> Any:
    """What the script reads of an answer: `status`, `text` and `headers`."""
    return page.evaluate(FETCH, [url, options])


def test_a_listed_origin_works_with_jobs_and_a_key(tmp_path: Path, browser: Browser) -> None:
    """The preflight needs no key; the script reads the headers that a client of jobs needs, and refusals too."""
    settings = {"TRINITY_API_KEYS": KEY.entry}
    with dashboard(tmp_path / "site") as origin, script(browser, origin) as page:
        allowed = {**settings, "TRINITY_CORS_ORIGINS": f"https://other.example, {origin}"}
        with trinity("redis", tmp_path, **allowed) as api:
            url = str(api.http.base_url).rstrip("/")
            headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json", "Idempotency-Key": "a"}
            fitted = fetch(page, f"{url}/fit", method="POST", body="{}", headers=headers)
            assert fitted["status"] == 202
            assert fitted["headers"]["location"].startswith("/jobs/")
            assert fitted["headers"]["retry-after"] == "1"
            assert fitted["headers"]["x-request-id"]
            waited = {"Prefer": "wait=20", "X-API-Key": SECRET, "Content-Type": "application/json"}
            job = fetch(page, f"{url}{fitted['headers']['location']}?wait=20", headers=waited)
            assert '"SUCCESS"' in job["text"]
            done = fetch(page, f"{url}/predict", method="POST", body='{"data":{"X":[[1]]}}', headers=waited)
            assert (done["status"], done["headers"]["preference-applied"]) == (200, "wait=20")
            assert done["headers"]["content-location"].startswith("/jobs/")
            refused = fetch(page, f"{url}/models")
            assert (refused["status"], "unauthenticated" in refused["text"]) == (401, True)
            assert refused["headers"]["www-authenticate"].startswith("Bearer")


def test_any_origin_may_call_where_all_are_allowed(tmp_path: Path, browser: Browser) -> None:
    """With event streams, but without the browser's credentials; other methods and arrays as well."""
    site, settings = tmp_path / "site", {"TRINITY_CORS_ORIGINS": "*"}
    with dashboard(site) as origin, script(browser, origin) as page, trinity("redis", tmp_path, **settings) as api:
        url = str(api.http.base_url).rstrip("/")
        fitted = fetch(page, f"{url}/fit", method="POST", body="{}", headers={"Content-Type": "application/json"})
        assert fitted["status"] == 202
        assert '"jobs"' in page.evaluate(EVENTS, f"{url}/jobs/events")
        cancelled = fetch(page, f"{url}{fitted['headers']['location']}", method="DELETE")
        assert cancelled["status"] in (200, 409)
        assert fetch(page, f"{url}/nothing")["status"] == 404
        assert fetch(page, f"{url}/ping?x=1")["status"] == 422
        with pytest.raises(Error, match="Failed to fetch"):
            fetch(page, f"{url}/ping", credentials="include")


@pytest.mark.parametrize("origins", ["", "https://dashboard.example"])
def test_a_script_of_another_origin_reads_nothing(tmp_path: Path, browser: Browser, origins: str) -> None:
    """By default, and where another one is listed."""
    site, settings = tmp_path / "site", {"TRINITY_CORS_ORIGINS": origins}
    with dashboard(site) as origin, script(browser, origin) as page, trinity("inline", tmp_path, **settings) as api:
        url = str(api.http.base_url).rstrip("/")
        with pytest.raises(Error, match="Failed to fetch"):
            fetch(page, f"{url}/ping")
        with pytest.raises(Error, match="Failed to fetch"):
            fetch(page, f"{url}/fit", method="POST", body="{}", headers={"Content-Type": "application/json"})
        assert api.http.get("/models/polynomial").json()["versions"] == []
