"""Stops and reloads of the web server: clients notice nothing, and they are quick."""

import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.bench.http import Connection, request
from tests.support.api import gate
from tests.support.proxy import nginx
from tests.support.servers import Server, until, web
from tests.support.trinity import trinity

ROW = b'{"data":{"X":[[0.5]]}}'
TENSOR = b'{"inputs":[{"name":"X","shape":[1,1],"datatype":"FP64","data":[0.5]}]}'
CLIENTS, RELOADS = 12, 3
PAUSES_S = (0.0, 0.02, 0.3)  # between an answer and the next request; each client has one of these at most


class Load:
    """Clients that predict on keep-alive connections until `stop`; a response may end a connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ended = threading.Event()
        self._answers: list[int] = []
        self.failures: list[str] = []

    @contextmanager
    def running(self, clients: int = CLIENTS) -> Iterator[None]:
        """Keep the clients busy."""
        with ThreadPoolExecutor(clients) as pool:
            done = [pool.submit(self._client, number) for number in range(clients)]
            try:
                yield
            finally:
                self._ended.set()
        for client in done:
            client.result()

    @property
    def answered(self) -> int:
        """How many requests were answered until now."""
        return len(self._answers)

    def _client(self, seed: int) -> None:
        """Send requests; an error of any kind is a failure, and the next one a new try."""
        moments = random.Random(seed)
        while not self._ended.is_set():
            try:
                with Connection(self._url, timeout_s=20) as connection:
                    self._converse(connection, moments.uniform(0, PAUSES_S[seed % len(PAUSES_S)]))
            except OSError as error:
                self.failures.append(f"{type(error).__name__}: {error}")

    def _converse(self, connection: Connection, pause_s: float) -> None:
        while True:
            answer = connection.ask("POST", "/predict", ROW)
            self._answers.append(answer.status)
            if answer.status != 200:
                self.failures.append(f"status {answer.status}")
            if self._ended.wait(pause_s) or answer.headers.get("connection") == "close":
                return


def processes(server: Server) -> set[int]:
    """The ids of the serving processes."""
    return {child.pid for child in psutil.Process(server.process.pid).children() if _lives(child)}


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def reload(server: Server) -> None:
    """Replace every process, and wait for it."""
    before = processes(server)
    server.process.send_signal(signal.SIGHUP)
    until(lambda: len(after := processes(server)) == len(before) and not after & before, "new processes", 60)


@pytest.mark.parametrize("through", ["gunicorn", "nginx"])
def test_a_reload_under_load_fails_no_request(tmp_path: Path, through: str) -> None:
    """Neither on kept connections nor on new ones."""
    with ExitStack() as stack:
        server = stack.enter_context(web(tmp_path))
        url = server.url
        if through == "nginx":
            boundless = dict.fromkeys(("NGINX_RATE", "NGINX_BURST", "NGINX_CONNECTIONS"), 60_000)
            url = stack.enter_context(nginx(tmp_path, f"server {url.removeprefix('http://')}", **boundless))
        with Connection(url) as connection:
            assert connection.ask("POST", "/fit").status == 200
        load = Load(url)
        with load.running():
            for count in range(1, RELOADS + 1):
                reload(server)
                until(lambda count=count: load.answered > 100 * count, "answers", 60)
        assert load.failures == []


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_a_reload_cuts_no_pipeline(tmp_path: Path, pieces: int) -> None:
    """Each request of a batch is answered, in however many pieces it was sent; the last answer may end it."""
    with web(tmp_path) as server:
        with Connection(server.url) as connection:
            assert connection.ask("POST", "/fit").status == 200
        pipelines = Pipelines(server.url, pieces)
        with pipelines.running(CLIENTS // 2):
            for count in range(1, RELOADS + 2):
                reload(server)
                until(lambda count=count: pipelines.answered > 500 * count, "answers", 60)
        assert pipelines.failures == []


class Pipelines(Load):
    """Clients that send a batch of requests before they read an answer."""

    def __init__(self, url: str, pieces: int) -> None:
        super().__init__(url)
        self._pieces = pieces

    def _converse(self, connection: Connection, pause_s: float) -> None:
        batch = (request("POST", "/predict", ROW) + request("GET", "/ping")) * 8
        size = len(batch) // self._pieces + 1
        while True:
            for start in range(0, len(batch), size):
                connection.send_raw(batch[start : start + size])
            answers = [connection.receive() for _ in range(16)]
            self._answers += [answer.status for answer in answers]
            self.failures += [f"status {answer.status}" for answer in answers if answer.status != 200]
            if self._ended.wait(pause_s) or answers[-1].headers.get("connection") == "close":
                return


def test_a_new_connection_waits_for_the_process_that_starts(tmp_path: Path) -> None:
    """In the backlog of the socket, which outlives the old process."""
    with web(tmp_path, **second_waits(tmp_path)) as server, gate(tmp_path) as closed, ThreadPoolExecutor(2) as pool:
        reloaded = pool.submit(reload, server)
        closed.wait_for_fit()  # here it is the new process that stands at the gate
        with Connection(server.url, timeout_s=20) as connection:
            answer = pool.submit(connection.ask, "GET", "/ping")
            closed.open()
            assert answer.result().status == 200
        reloaded.result()


def test_a_stop_does_not_wait_for_a_process_that_starts(tmp_path: Path) -> None:
    """The starting process ends at once, and the serving ones as always."""
    with web(tmp_path, **second_waits(tmp_path)) as server, gate(tmp_path) as closed:
        server.process.send_signal(signal.SIGTTIN)
        closed.wait_for_fit()
        server.process.terminate()
        assert server.process.wait(5) == 0


def test_an_idle_connection_may_send_one_more_request(tmp_path: Path) -> None:
    """Its response says that it is the last; a connection that stays idle is closed soon, and the process ends."""
    with web(tmp_path, WEB_CONCURRENCY="1") as server, Connection(server.url) as busy, Connection(server.url) as idle:
        for connection in (busy, idle):
            assert "connection" not in connection.ask("GET", "/ping").headers
        server.process.terminate()
        until(lambda: not listening(server), "the listening socket to close")
        answer = busy.ask("GET", "/ping")
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        for connection in (busy, idle):
            with pytest.raises(ConnectionError):
                connection.receive()
        assert server.process.wait(5) == 0


def test_a_head_that_began_before_the_stop_may_end_after_it(tmp_path: Path) -> None:
    """It is a request like any other; a head that does not continue does not hold up the process."""
    begun, rest = (whole := request("GET", "/ping"))[:20], whole[20:]
    with web(tmp_path, WEB_CONCURRENCY="1") as server, Connection(server.url) as ends, Connection(server.url) as stalls:
        for connection in (ends, stalls):
            connection.ask("GET", "/ping")
            connection.send_raw(begun)
        server.process.terminate()
        until(lambda: not listening(server), "the listening socket to close")
        ends.send_raw(rest)
        assert ends.receive().headers["connection"] == "close"
        with pytest.raises(ConnectionError):
            stalls.receive()
        assert server.process.wait(5) == 0


def test_a_wait_for_a_job_is_answered_at_a_stop(tmp_path: Path) -> None:
    """At once and with the job's state, for the request that made the job and for others."""
    with trinity("redis", tmp_path, workers=False, WEB_CONCURRENCY="1") as api:
        server = api.servers[-1]
        location = api.post("fit").headers["Location"]
        requests = [
            ("GET", f"{location}?wait=30", b"", {}, 200),
            ("GET", f"{location}/result?wait=30", b"", {}, 202),
            ("POST", "/fit", b"", {"prefer": "wait=30"}, 202),
        ]
        peers = [Connection(server.url) for _ in requests]
        for peer, (method, path, body, headers, _) in zip(peers, requests, strict=True):
            peer.send(method, path, body, **headers)
        with Connection(server.url) as last:  # what was sent before is read by now
            assert last.ask("GET", "/ping").status == 200
        server.process.terminate()
        begun = time.monotonic()
        for peer, (*_, status) in zip(peers, requests, strict=True):
            answer = peer.receive()
            assert (answer.status, answer.headers["connection"]) == (status, "close")
            assert answer.json()["status"] == "PENDING"
            assert "preference-applied" not in answer.headers
            peer.close()
        assert time.monotonic() - begun < 2
        assert server.process.wait(5) == 0


def test_an_inference_waits_past_the_stop(tmp_path: Path) -> None:
    """If it ends moments after the stop, the response has its end: here a cancellation."""
    with web(tmp_path) as server:
        asked(server, "POST", "/fit")
    with trinity("redis", tmp_path, workers=False, WEB_CONCURRENCY="1") as api:
        server = api.servers[-1]
        with Connection(server.url) as idle, Connection(server.url) as waits:
            idle.ask("GET", "/ping")
            waits.send("POST", "/v2/models/polynomial/infer", TENSOR)
            until(lambda: bool(asked(server, "GET", "/jobs")["jobs"]), "the job of the inference")
            (job,) = asked(server, "GET", "/jobs")["jobs"]
            server.process.send_signal(signal.SIGHUP)
            until(lambda: idle.ask("GET", "/ping").headers.get("connection") == "close", "the process to stop")
            assert asked(server, "DELETE", f"/jobs/{job['id']}")["status"] == "REVOKED"
            answer = waits.receive()
            assert (answer.status, answer.headers["connection"]) == (410, "close"), answer.json()


def asked(server: Server, method: str, path: str) -> Any:
    """The response to a request on its own connection."""
    with Connection(server.url) as connection:
        answer = connection.ask(method, path)
        assert answer.status == 200, answer.body
        return answer.json()


def second_waits(folder: Path) -> dict[str, str]:
    """Settings of a server whose first process serves at once; later ones wait at the gate in `folder`."""
    configuration = folder / "held.conf.py"
    configuration.write_text(
        "import runpy\nglobals().update(runpy.run_path('gunicorn.conf.py'))\n"
        f"def post_worker_init(worker):\n    worker.age > 1 and open({str(folder / 'gate')!r}).read()\n"
    )
    return {"GUNICORN_CMD_ARGS": f"--config {configuration}", "WEB_CONCURRENCY": "1"}


def listening(server: Server) -> bool:
    """Whether new connections are accepted."""
    try:
        with Connection(server.url):
            return True
    except ConnectionRefusedError:
        return False
