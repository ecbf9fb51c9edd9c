"""GET /docs: Swagger UI from the service's own files, in a browser that holds the page to its policy."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.serve.resources.documents import ASSETS, BASE, FILES, SWAGGER_UI
from tests.support.trinity import trinity

RELEASE = ASSETS / SWAGGER_UI


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with trinity("inline", tmp_path_factory.mktemp("docs")) as running:
        yield running.http


def test_the_page_names_only_its_own_files(http: httpx.Client) -> None:
    """And each of them exists, with its media type, and is cached for a year."""
    page = http.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sorted(named) == sorted(["/openapi.json", *(f"{BASE}/{name}" for name in FILES)])
    for path in named:
        answer = http.get(path)
        assert answer.status_code == 200
        if path.startswith(BASE):
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert answer.headers["Content-Type"].split(";")[0] in {"text/javascript", "text/css", "image/png"}
            kept = http.get(path, headers={"If-None-Match": answer.headers["ETag"]})
            assert kept.status_code == 304


def test_the_policy_is_strict(http: httpx.Client) -> None:
    """Scripts and styles come from our own files only, on the page and on each file."""
    for path in ("/docs", f"{BASE}/docs.js"):
        policy = http.get(path).headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "http" not in policy


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("br, GZIP;q=0.5", "gzip"),
        ("identity", "identity"),
        ("gzip;q=0", "identity"),
        ("gzip; q=0.000, identity", "identity"),
        ("x-gzip", "identity"),
        ("", "identity"),
    ],
)
def test_it_comes_as_asked(http: httpx.Client, accepted: str, encoding: str) -> None:
    """Compressed for callers that accept gzip, plain for others; the script is the same."""
    answer = http.get(f"{BASE}/swagger-ui-bundle.js", headers={"Accept-Encoding": accepted})
    assert answer.headers.get("Content-Encoding", "identity") == encoding
    assert answer.content == gzip.decompress((RELEASE / "swagger-ui-bundle.js.gz").read_bytes())


@pytest.mark.parametrize("path", ["/docs/swagger-ui-1.0.0/docs.js", f"{BASE}/LICENSE", f"{BASE}/..%2fdocs.py"])
def test_nothing_else_is_served(http: httpx.Client, path: str) -> None:
    """Another version, or another file, is a 404."""
    assert http.get(path).status_code == 404


def test_its_licence_and_version_are_there() -> None:
    """Apache 2.0 asks for the licence and the notice beside the files."""
    assert "Apache License" in (RELEASE / "LICENSE").read_text()
    assert "SmartBear" in (RELEASE / "NOTICE").read_text()
    assert f'"version": "{SWAGGER_UI.rpartition("-")[2]}"' in (RELEASE / "package.json").read_text()


@pytest.mark.slow
def test_a_browser_shows_it(http: httpx.Client, tmp_path: Path) -> None:
    """Every operation is on the page, also those of a model; one is sent from it, and the browser logs no error."""
    from tests.support.browser import chromium, missing_chromium  # one test loads the library of browsers

    if missing := missing_chromium():
        pytest.skip(missing)
    with chromium() as browser:
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        elsewhere: list[str] = []
        page.on("request", lambda request: elsewhere.append(request.url) if foreign(request.url, http) else None)
        http.post("/models/polynomial/fit", json={}).raise_for_status()
        page.goto(f"{http.base_url}/docs")
        page.wait_for_selector("#operations-service-ping")
        paths = http.get("/openapi.json").json()["paths"]
        assert page.locator(".opblock").count() == sum(len(methods) for methods in paths.values())
        assert {"/models/polynomial/predict", "/models/polynomial/score"} <= paths.keys()
        assert page.locator("#operations-trinity-polynomial_predict").count() == 1
        page.click("#operations-trinity-fit .opblock-summary-control")
        page.click("#operations-trinity-fit .try-out__btn")
        page.click("#operations-trinity-fit .execute")
        page.wait_for_selector("#operations-trinity-fit .live-responses-table .response-col_status")
        status = page.inner_text("#operations-trinity-fit .live-responses-table tbody .response-col_status")
        page.screenshot(path=tmp_path / "docs.png")
        assert status.split()[0] == "200", page.inner_text("#operations-trinity-fit .live-responses-table")
    assert said == []
    assert elsewhere == []


def foreign(url: str, http: httpx.Client) -> bool:
    """Whether a request goes to another site."""
    return not url.startswith((str(http.base_url), "data:", "blob:"))
