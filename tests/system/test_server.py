"""The web server, started with `gunicorn app:api`: connections, stops, restarts, and starts that fail."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import msgspec
import psutil
import pytest

from tests.bench.http import Answer, Connection
from tests.bench.keepalive import losses
from tests.support.api import Gate, Mode, check_problem, gate
from tests.support.servers import BIN, ROOT, Server, free_port, until, web
from tests.support.trinity import trinity

ROW = b'{"data":{"X":[[0.5]]}}'
STALLED = [
    b"content-length: 30\r\n\r\n",
    b"content-length: 30\r\n\r\n12345",
    b"content-length: 100000\r\n\r\n",
    b"content-length: 100000\r\n\r\n12345",
    b"transfer-encoding: chunked\r\n\r\n",
    b"transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n",
]
GATED = {"TRINITY_MODELS": "app.model.models,tests.support.models", "WEB_CONCURRENCY": "1"}


def test_no_keep_alive_request_from_1_kb_to_1_mb_is_lost(tmp_path: Path) -> None:
    with web(tmp_path) as server:
        assert ask(server, "POST", "/fit").status == 200
        assert losses(server.url, requests=3_000) == []


def test_a_stop_waits_for_a_request_in_flight(tmp_path: Path) -> None:
    with web(tmp_path, **GATED) as server, waiting_fit(server, tmp_path) as (fit, pipe):
        server.process.terminate()
        until(lambda: refuses(server), "the listening socket to close")
        pipe.open()
        assert fit.result().status == 200
        assert server.process.wait(20) == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT], ids=lambda how: how.name)
def test_idle_connections_do_not_delay_a_stop(tmp_path: Path, how: signal.Signals) -> None:
    with web(tmp_path) as server, Connection(server.url) as idle:
        assert idle.ask("GET", "/ping").status == 200
        server.process.send_signal(how)
        assert server.process.wait(10) == 0
        assert "Traceback" not in server.log.read_text()


def test_ping_answers_while_a_fit_waits_and_while_one_computes(tmp_path: Path) -> None:
    with web(tmp_path, **GATED) as server, Connection(server.url) as connection:
        with waiting_fit(server, tmp_path) as (fit, pipe):
            assert connection.ask("GET", "/ping").status == 200
            assert not fit.done()
            pipe.open()
        with ThreadPoolExecutor(1) as pool:
            body = b'{"params":{"degree":9},"data":{"source":"dummy","params":{"number":2000000}}}'
            fit = pool.submit(ask, server, "POST", "/fit", body)
            moments = [time.monotonic()]
            while not fit.done():
                assert connection.ask("GET", "/ping").status == 200
                moments.append(time.monotonic())
            assert fit.result().status == 200
            assert max(after - before for before, after in pairwise(moments)) < 1


def test_a_killed_process_is_replaced_soon(tmp_path: Path) -> None:
    with web(tmp_path, WEB_CONCURRENCY="2") as server:
        assert ask(server, "POST", "/fit").status == 200
        until(lambda: len(workers(server)) == 2, "both processes")
        victim, survivor = workers(server)
        victim.kill()
        until(lambda: len(workers(server)) == 2 and victim not in workers(server), "a new process")
        assert survivor in workers(server)
        assert {ask(server, "POST", "/predict", ROW).status for _ in range(20)} == {200}


def test_every_bad_setting_is_listed_before_any_process_is_started() -> None:
    bad = {"TRINITY_MODEE": "sync", "TRINITY_THREADS": "many", "WEB_CONCURRENCY": "0", "PORT": "http"}
    status, said = failed_start(**bad)
    assert status != 0
    for name in bad:
        assert f"  {name}: " in said
    assert "did you mean TRINITY_MODE?" in said
    assert "Traceback" not in said and "Booting" not in said


def test_a_missing_models_module_stops_the_start_with_a_message() -> None:
    """Before any process is started, so that the problem is printed once."""
    status, said = failed_start(TRINITY_MODELS="no_such_module")
    assert status != 0
    assert said.count("TRINITY_MODELS: can't import 'no_such_module'") == 1
    assert "Traceback" not in said and "Booting" not in said


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 500_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /ping HTTP/1.1\r\nx: " + b"a" * 500_000 + b"\r\n\r\n", 431),
        (b"GET /ping HTTP/1.1\r\n" + b"x: a\r\n" * 100_000 + b"\r\n", 431),
    ],
    ids=["request line", "one header", "many headers"],
)
def test_an_endless_head_is_refused(tmp_path: Path, head: bytes, status: int) -> None:
    with web(tmp_path) as server, Connection(server.url) as connection:
        connection.send_raw(head)
        assert connection.receive().status == status
        assert ask(server, "GET", "/ping").status == 200


@pytest.mark.parametrize("mode", ["inline", "redis"])
def test_a_body_that_stops_coming_is_a_408_and_the_connection_is_closed(tmp_path: Path, mode: Mode) -> None:
    with trinity(mode, tmp_path, workers=False, TRINITY_BODY_TIMEOUT="1") as api:
        peers = [Connection(str(api.http.base_url)) for _ in STALLED]
        for peer, rest in zip(peers, STALLED, strict=True):
            peer.send_raw(b"POST /predict HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n" + rest)
        for peer in peers:
            answer = peer.receive()
            assert answer.status == 408
            assert answer.headers["connection"] == "close"
            assert answer.headers["x-request-id"]
            assert answer.headers["content-type"] == "application/problem+json"
            check_problem(answer.json(), 408)
            with pytest.raises(ConnectionError):
                peer.receive()
            peer.close()


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"GET /pi", b"GET /ping HTTP/1.1\r\nhost: t\r\n"])
def test_a_connection_whose_first_head_does_not_end_is_closed(impatient: Server, begun: bytes) -> None:
    with Connection(impatient.url, timeout_s=20) as connection:
        connection.send_raw(begun)
        with pytest.raises(ConnectionError):
            connection.receive()


@pytest.mark.parametrize(
    ("request_", "begun"),
    [
        (b"GET /ping HTTP/1.1\r\n\r\n", b"\r\n"),
        (b"GET /ping HTTP/1.1\r\n\r\n", b"GET /pi"),
        (b"POST /ping HTTP/1.1\r\ncontent-length: 9\r\n\r\n1", b"2"),
    ],
    ids=["empty line", "next head", "rest of a body nobody reads"],
)
def test_a_connection_whose_next_head_does_not_end_is_closed(impatient: Server, request_: bytes, begun: bytes) -> None:
    with Connection(impatient.url, timeout_s=20) as connection:
        connection.send_raw(request_)
        assert connection.receive().status in {200, 405}
        connection.send_raw(begun)
        with pytest.raises(ConnectionError):
            connection.receive()


def test_a_head_that_trickles_in_is_not_awaited_for_ever(impatient: Server) -> None:
    with Connection(impatient.url) as connection:
        connection.send_raw(b"GET /ping HTTP/1.1\r\nx: ")
        until(lambda: not takes(connection, b"x"), "the end of the server's patience", deadline_s=20)


def test_an_idle_connection_outlives_the_wait_for_a_head(impatient: Server) -> None:
    with Connection(impatient.url) as idle, Connection(impatient.url) as silent:
        assert idle.ask("GET", "/ping").status == 200
        with pytest.raises(ConnectionError):
            silent.receive()
        assert idle.ask("GET", "/ping").status == 200


def test_an_access_log_holds_no_query(tmp_path: Path) -> None:
    with web(tmp_path, GUNICORN_CMD_ARGS="--access-logfile -") as server:
        ask(server, "GET", "/ping?name=Karoline")
        until(lambda: '"GET /ping HTTP/1.1" 422' in server.log.read_text(), "the access log")
        assert "Karoline" not in server.log.read_text()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits half a second for the head of a request."""
    folder = tmp_path_factory.mktemp("impatient")
    settings = folder / "impatient.conf.py"
    settings.write_text(
        "import runpy\nglobals().update(runpy.run_path('gunicorn.conf.py'))\n"
        "from app.serve.server.protocol import BoundedProtocol\nBoundedProtocol.head_timeout_s = 0.5\n"
    )
    with web(folder, GUNICORN_CMD_ARGS=f"--config {settings}") as server:
        yield server


@contextmanager
def waiting_fit(server: Server, folder: Path) -> Iterator[tuple["Future[Answer]", Gate]]:
    """A fit in the middle of its work, and the gate that lets it end."""
    with ThreadPoolExecutor(1) as pool, gate(folder) as pipe:
        fit = pool.submit(ask, server, "POST", "/fit", msgspec.json.encode(pipe.body()))
        pipe.wait_for_fit()
        yield fit, pipe


def ask(server: Server, method: str, path: str, body: bytes = b"") -> Answer:
    """One request on its own connection."""
    with Connection(server.url) as connection:
        return connection.ask(method, path, body)


def takes(connection: Connection, message: bytes) -> bool:
    """Whether a connection still accepts bytes."""
    try:
        connection.send_raw(message)
    except ConnectionError:
        return False
    return True


def refuses(server: Server) -> bool:
    """Whether new connections are refused."""
    try:
        with Connection(server.url):
            return False
    except ConnectionRefusedError:
        return True


def workers(server: Server) -> list[psutil.Process]:
    """The serving processes, the oldest first."""
    return [child for child in psutil.Process(server.process.pid).children() if child.status() != psutil.STATUS_ZOMBIE]


def failed_start(**env: str) -> tuple[int, str]:
    """The exit status and the output of a server that does not start."""
    command: list[str | Path] = [BIN / "gunicorn", "app:api", "--bind", f"127.0.0.1:{free_port()}"]
    ended = subprocess.run(  # noqa: PLW1510  its status is what is asked
        command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=60
    )
    return ended.returncode, ended.stdout + ended.stderr
