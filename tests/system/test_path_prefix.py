"""Below a path: everything that the service links to leads there, behind a real nginx and in a real browser."""

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.support.api import WAIT_S, Api, Mode
from tests.support.browser import visit
from tests.support.operations import command_blocks
from tests.support.servers import Launch, free_port, served
from tests.support.trinity import trinity

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
BROWSER = {"Accept": "text/html"}
STRIPS = command_blocks()["nginx below a path"]
PASSES_ON = "location /team/trinity { proxy_pass http://127.0.0.1:5000; }"
CONFIGURATION = """\
worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{ worker_connections 200; }}
http {{
    access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    server {{
        listen 127.0.0.1:{port}; proxy_http_version 1.1;
        proxy_set_header Connection ""; proxy_set_header Host $http_host;
        location = /ready {{ return 204; }}
        {location}
    }}
}}
"""


@contextmanager
def proxy(folder: Path, url: str, location: str) -> Iterator[str]:
    """The address of the system's nginx with one location, as its users write it."""

    def launch() -> Launch:
        port, file = free_port(), folder / "nginx.conf"
        file.write_text(
            CONFIGURATION.format(folder=folder, port=port, location=location.replace("http://127.0.0.1:5000", url))
        )
        address = f"http://127.0.0.1:{port}"
        return Launch([NGINX, "-c", file, "-g", "daemon off;"], address, lambda _: answers(f"{address}/ready"), {})

    with served("nginx", folder, launch) as server:
        yield server.url


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 204
    except httpx.TransportError:
        return False


class Site:
    """A Trinity behind a proxy: `http` asks below the path `root`, `direct` asks the server itself."""

    def __init__(self, api: Api, url: str, root: str, http: httpx.Client) -> None:
        self.mode, self.url, self.root, self.http, self.direct = api.mode, url, root, http, api.http

    def follow(self, link: str) -> httpx.Response:
        """The answer to a link that the service gave, which is a path on the proxy's host."""
        assert link.startswith(f"{self.root}/"), link
        return httpx.get(f"{self.url}{link}", params={"wait": 20} if "/jobs/" in link else None, timeout=WAIT_S)


WAYS: list[tuple[Mode, str, str, dict[str, str]]] = [
    ("inline", "/trinity", STRIPS, {}),
    ("redis", "/trinity", STRIPS, {}),
    ("redis", "/team/trinity", PASSES_ON, {"TRINITY_ROOT_PATH": "/team/trinity/", "TRINITY_FLOWER_URL": "/flower/"}),
]


@pytest.fixture(scope="module", params=WAYS, ids=["inline, header", "queued, header", "queued, setting"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    mode, root, location, env = request.param
    folder = tmp_path_factory.mktemp("prefix")
    with ExitStack() as stack:
        api = stack.enter_context(trinity(mode, folder, **env))
        (folder / "nginx").mkdir()
        url = stack.enter_context(proxy(folder / "nginx", str(api.http.base_url).rstrip("/"), location))
        http = stack.enter_context(httpx.Client(base_url=f"{url}{root}", timeout=WAIT_S + 10))
        yield Site(api, url, root, http)


def links_in(content: Any) -> Iterator[str]:
    """Every link in a JSON document."""
    if isinstance(content, dict):
        yield from content.get("links", {}).values()
        for value in content.values():
            yield from links_in(value)
    elif isinstance(content, list):
        for value in content:
            yield from links_in(value)


def test_links_of_answers_lead_below_the_path(site: Site) -> None:
    """In bodies and in headers, of every kind of answer that has some."""
    fitted = site.http.post("/fit", headers={"Prefer": f"wait={WAIT_S}"})
    assert fitted.status_code == 200
    answered = [fitted, site.http.get("/models"), site.http.get("/models/polynomial")]
    if site.mode != "inline":
        job = site.http.post("/predict", json={"data": {"X": [[1.0]]}}, headers={"Prefer": "respond-async"})
        assert job.status_code == 202
        assert fitted.headers["Content-Location"].startswith(f"{site.root}/jobs/")
        answered += [job, site.follow(job.headers["Location"]), site.http.get("/jobs")]
    for answer in answered:
        links = list(links_in(answer.json()))
        assert links
        for link in links:
            assert link.endswith("/fit") or site.follow(link).status_code == 200, link


def test_an_array_links_to_its_version_below_the_path(site: Site) -> None:
    answer = site.http.post(
        "/predict", json={"data": {"X": [[1.0]]}}, headers={"Accept": "application/x-npy", "Prefer": f"wait={WAIT_S}"}
    )
    (link,) = re.findall(r"<(.*)>", answer.headers["Link"])
    assert site.follow(link).status_code == 200


def test_a_job_that_is_run_again_is_below_the_path(site: Site) -> None:
    if site.mode == "inline":
        assert site.http.get("/jobs").status_code == 404
        return
    late = site.http.post("/fit", json={"model": "raising"}, headers={"Prefer": f"wait={WAIT_S}"})
    again = site.http.post(f"/jobs/{late.headers['Content-Location'].rpartition('/')[2]}/retry")
    assert (again.status_code, site.follow(again.headers["Location"]).status_code) == (202, 200)
    assert all(link.startswith(site.root) for link in links_in(again.json()))


def test_an_event_stream_has_links_below_the_path(site: Site) -> None:
    if site.mode == "inline":
        return
    with site.http.stream("GET", "/jobs/events") as events:
        line = next(line for line in events.iter_lines() if line.startswith("data:"))
    found = re.findall(r'"self":"([^"]*)"', line)
    assert found
    assert all(link.startswith(f"{site.root}/jobs/") for link in found)


def test_documents_lead_below_the_path(site: Site) -> None:
    """The list's examples, the OpenAPI document's servers, and every link and file of both pages."""
    listed = site.http.get("/").json()["routes"]
    outside = [each["example"] for each in listed if f"{site.url}{site.root}" not in each["example"]]
    assert outside == []
    servers = site.http.get("/openapi.json").json()["servers"]
    assert servers == [{"url": site.root}]
    for page in ("/", "/docs"):
        text = site.http.get(page, headers=BROWSER).text
        links = [
            link for link in re.findall(r'(?:href|src|action)="([^"]*)"', text) if not link.startswith(("#", "data:"))
        ]
        assert links
        for link in links:
            expected = 404 if "/flower/" in link else 405 if link.endswith(("/fit", "/predict")) else 200
            assert site.follow(link.replace("&amp;", "&")).status_code == expected, link


def test_the_page_without_a_slash_is_below_the_path(site: Site) -> None:
    """As nginx redirects to it, or as the service answers it."""
    answer = httpx.get(f"{site.url}{site.root}", headers=BROWSER, follow_redirects=True)
    assert answer.status_code == 200
    assert f'href="{site.root}/docs"' in answer.text


def test_the_server_itself_can_be_asked_without_the_path(site: Site) -> None:
    """As probes and Prometheus do."""
    assert site.direct.get("/ping").status_code == site.direct.get("/metrics").status_code == 200


def test_the_page_is_used_below_the_path(site: Site, browser: Browser) -> None:
    """Fit, predict, jobs, versions and health; no request leaves the path."""
    with visit(browser, f"{site.url}{site.root}/?model=polynomial") as seen:
        page = seen.page
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.get_by_role("button", name="Fit").click()
        assert re.fullmatch(r"polynomial version \d+ is fitted\.", seen.outcome("fit"))
        page.locator("#predict").get_by_label("x").fill("0")
        page.get_by_role("button", name="Predict").click()
        assert re.fullmatch(r"y = .*", seen.outcome("predict"))
        if site.mode != "inline":
            expect(page.locator("#jobs-table tbody tr").first).to_contain_text("success")
            expect(page.locator("#jobs-summary")).to_contain_text("0 running")
            job = page.locator("#jobs-table tbody a").first.get_attribute("href") or ""
            assert site.follow(job).json()["status"] == "SUCCESS"
        page.locator("#models a").first.click()
        expect(page.locator("#version-title")).to_contain_text("version")
        page.get_by_role("link", name="Trinity").click()
        expect(page.locator("#health li").first).to_have_class("ok")
        assert all(url.startswith(f"{site.url}{site.root}/") for url in asked if not url.startswith("data:")), asked


def test_the_documentation_is_used_below_the_path(site: Site, browser: Browser) -> None:
    """Swagger UI loads the document and sends a request to the service."""
    with visit(browser, f"{site.url}{site.root}/") as seen:
        page = seen.page
        page.get_by_role("link", name="Docs").click()
        operation = page.locator("#operations-service-ping")
        operation.locator("button").first.click()
        operation.get_by_role("button", name="Try it out").click()
        with page.expect_response(lambda response: response.url.endswith("/ping")) as answer:
            operation.get_by_role("button", name="Execute").click()
        assert (answer.value.url, answer.value.status) == (f"{site.url}{site.root}/ping", 200)
        expect(operation.locator(".live-responses-table")).to_contain_text("pong")
