"""An upgrade as docs/operations.md has it: each program restarted in turn while jobs come, wait and run."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from subprocess import Popen

import httpx
import psutil
import pytest

from tests.support import servers
from tests.support.proxy import nginx
from tests.support.servers import free_port, until
from tests.support.systemd_units import UNITS, running, stop, unit

WORKERS = ("trinity-worker@1.service", "trinity-worker@2.service")
WEB = "trinity-web.service"
JOBS: list[tuple[str, dict[str, object]]] = [
    ("predict", {"data": {"X": [[0.5]]}}),
    ("fit", {}),
    ("predict", {"data": {"X": [[row / 9000] for row in range(9000)]}}),  # kept in the store
]


class Host:
    """The units of one host, by their names; a web server has a port of its own."""

    def __init__(self, folder: Path, ledger: str, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._running: dict[str, Popen[bytes]] = {}
        self._starts = 0
        self.file = folder / "trinity.env"
        text = (UNITS / "trinity.env").read_text(encoding="utf-8")
        text = text.replace("redis://:PASSWORD@127.0.0.1:6379", ledger).replace("/var/lib/trinity", f"{folder}/store")
        self.file.write_text(text)

    def start(self, name: str, port: str = "") -> None:
        """Start a unit and wait until it works: a web server answers, a worker is heard of."""
        self._starts += 1
        log = self._folder / f"{name}-{self._starts}.log"
        process = self._stack.enter_context(running(name, self.file, log, {"127.0.0.1:5000": f"127.0.0.1:{port}"}))
        self._running[name + port] = process
        works = (lambda: metric(port, "trinity_up") != "") if port else (lambda: "[queues]" in log.read_text())
        until(lambda: process.poll() is not None or works(), name, 60)
        assert process.poll() is None, log.read_text()

    def reload(self, name: str, port: str) -> None:
        """Reload a unit as systemd does, and wait until its processes are new ones."""
        assert unit(name)["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
        first = psutil.Process(self._running[name + port].pid)
        before = set(first.children())
        first.send_signal(signal.SIGHUP)
        until(lambda: len(now := set(first.children())) == len(before) and not now & before, "new processes", 60)

    def restart(self, name: str, port: str = "") -> None:
        """Stop a unit as systemd does, then start it again."""
        assert stop(name, self._running[name + port]) == 0
        self.start(name, port)


def metric(port: str, name: str) -> str:
    """The lines of a metric of one web server."""
    with suppress(httpx.TransportError):
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        return "\n".join(line for line in text.splitlines() if line.startswith(name))
    return ""


class Load:
    """A caller that submits jobs one after the other; whatever isn't a 202 is a failure."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30)
        self._ended = threading.Event()
        self.jobs: list[tuple[str, str]] = []
        self.failures: list[str] = []

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Submit in the background."""
        thread = threading.Thread(target=self._go_on)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            self._http.close()

    def _go_on(self) -> None:
        while not self._ended.wait(0.05):
            verb, body = JOBS[len(self.jobs) % len(JOBS)]
            try:
                answer = self._http.post(f"/{verb}", json=body)
            except httpx.TransportError as error:
                self.failures.append(repr(error))
                continue
            if answer.status_code == 202:
                self.jobs.append((verb, answer.json()["id"]))
            else:
                self.failures.append(answer.text)


@pytest.mark.slow
@pytest.mark.timeout(300)  # a worker's process sometimes waits for 30 s before it ends (billiard)
def test_an_upgrade_with_jobs_waiting_loses_nothing(tmp_path: Path) -> None:
    """Workers first, then the web servers behind nginx: no request fails, each job ends once, each fit is a version."""
    ports = [str(free_port()), str(free_port())]
    with ExitStack() as stack:
        ledger = stack.enter_context(servers.valkey(tmp_path / "ledger", fsync="always")).url
        host = Host(tmp_path, ledger, stack)
        for port in ports:
            host.start(WEB, port)
        upstream = ";\n        ".join(f"server 127.0.0.1:{port} max_fails=2 fail_timeout=2s" for port in ports)
        url = stack.enter_context(nginx(tmp_path, upstream))
        http = stack.enter_context(httpx.Client(base_url=url, timeout=60))
        first = http.post("/fit", json={}).json()["id"]
        for name in WORKERS:
            host.start(name)
        assert http.get(f"/jobs/{first}", params={"wait": 30}).json()["status"] == "SUCCESS"
        load = Load(url)
        with load.going_on():
            until(lambda: len(load.jobs) >= len(JOBS), "some jobs")
            for name in WORKERS:
                host.restart(name)
            for port in ports:
                host.restart(WEB, port)
                until(lambda port=port: 'status="202"' in metric(port, "trinity_http_requests_total"), "jobs by nginx")
            host.reload(WEB, ports[0])
        assert load.failures == []
        ended = [http.get(f"/jobs/{job}", params={"wait": 30}).json() for _, job in load.jobs]
        assert {job["status"] for job in ended} == {"SUCCESS"}
        fits = [job["version"] for job in ended if job["verb"] == "fit"]
        versions = http.get("/models/polynomial").json()
        assert sorted(fits) == list(range(2, len(fits) + 2)), versions
