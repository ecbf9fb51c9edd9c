"""GET / for browsers and other callers, its headers, and the page's stylesheet and script."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.support.api import Api, problem
from tests.support.trinity import trinity

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
NASTY = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with trinity("inline", tmp_path_factory.mktemp("page"), TRINITY_FLOWER_URL="https://flower.example/") as api:
        fitted = Api("inline", api.http)
        fitted.result("fit")
        columns = {"X": [[1.0], [2.0]], "y": [[1.0, 2.0], [3.0, 4.0]], "columns": [NASTY]}
        fitted.result("fit", {"model": "multivariate", "data": columns})
        yield api.http


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_all_but_browsers_get_the_list(http: httpx.Client, accept: str | None) -> None:
    """`Vary` says that the answer depends on Accept."""
    answer = http.get("/", headers={"Accept": accept} if accept else {})
    assert answer.json()["name"] == "trinity"
    assert answer.headers["Vary"] == "Accept"


def test_a_browser_gets_the_page_under_a_strict_policy(http: httpx.Client) -> None:
    answer = http.get("/", headers=BROWSER)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Vary"] == "Accept"
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert not re.search(r"<script>| style=| on[a-z]+=|<style", answer.text)
    assert '<a href="https://flower.example/">Flower</a>' in answer.text


def test_head_is_answered(http: httpx.Client) -> None:
    answer = http.head("/", headers=BROWSER)
    assert (answer.status_code, answer.text) == (200, "")
    assert answer.headers["Content-Type"].startswith("text/html")


def test_links_lead_to_what_is_served(http: httpx.Client) -> None:
    """Links to documents, metrics, versions and jobs."""
    links = re.findall(r'<a href="(/[^"?#]*)"', http.get("/", headers=BROWSER).text)
    assert {"/docs", "/openapi.json", "/metrics"} <= set(links)
    for link in set(links):
        assert http.get(link).status_code == 200, link


def test_files_are_kept_by_browsers_for_good(http: httpx.Client) -> None:
    """Their path has the digest of their content, and they are compressed; other digests and files are 404."""
    text = http.get("/", headers=BROWSER).text
    for file in re.findall(r'"(/page/[^"]+\.(?:css|js))"', text):
        answer = http.get(file)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Type"].startswith(("text/css", "text/javascript"))
        assert answer.headers["Content-Encoding"] == "gzip"
        kept = http.get(file, headers={"If-None-Match": answer.headers["ETag"]})
        assert (kept.status_code, kept.content) == (304, b"")
    problem(http.get("/page/0000000000000000/page.js"), 404)
    problem(http.get(re.sub(r"page\.(css|js)$", "front.py", file)), 404)


def test_what_users_name_is_text(http: httpx.Client) -> None:
    text = http.get("/?model=multivariate", headers=BROWSER).text
    assert NASTY not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("model=multivariate", 200),
        ("model=multivariate&version=1&output=2", 200),
        ("model=multivariate&version=latest", 200),
        ("model=never-fitted", 200),
        ("model=multivariate&version=2", 404),
        ("model=multivariate&version=0", 404),
        ("model=multivariate&version=../1", 404),
        ("model=multivariate&output=3", 404),
        ("model=multivariate&output=0", 404),
        (f"model={NASTY}", 404),
        ("model=a&model=b", 404),
        ("version=" + "9" * 500, 404),
    ],
)
def test_any_query_has_a_page(http: httpx.Client, query: str, status: int) -> None:
    """A notice above the rest says what does not exist."""
    answer = http.get(f"/?{query}", headers=BROWSER)
    assert answer.status_code == status
    assert ('role="alert"' in answer.text) == (status == 404)
    assert NASTY not in answer.text
    assert "<main" in answer.text
