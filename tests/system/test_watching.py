"""Metrics and logs of running servers: correct over processes, reloads and workers, also while a part is missing."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from app.api_keys import new_key
from tests.bench.http import Connection
from tests.support.api import Api
from tests.support.servers import Server, until, web
from tests.support.trinity import trinity
from tests.system.test_reload import processes, reload

ROW = b'{"data":{"X":[[0.5]]}}'
Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(url: str, **headers: str) -> Numbers:
    """Every sample of /metrics by its name and labels."""
    answer = httpx.get(f"{url}/metrics", headers=headers, timeout=20)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.text))
    assert len({family.name for family in families}) == len(families), "a family is listed twice"
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def of(numbers: Numbers, name: str, **labels: str) -> float:
    """The sum of the samples with these labels."""
    return sum(n for (one, has), n in numbers.items() if one == name and has >= frozenset(labels.items()))


def lines(server: Server) -> list[dict[str, Any]]:
    """The JSON lines of a server's log."""
    found = []
    for line in server.log.read_bytes().splitlines(keepends=True):
        with suppress(msgspec.DecodeError):
            if line.endswith(b"\n"):
                found.append(msgspec.json.decode(line))
    return found


def predict(url: str, times: int) -> None:
    """Predictions, each over its own connection, so that both processes get some."""
    for number in range(times):
        with Connection(url) as peer:
            headers = {"prefer": "wait=1"} if number % 2 else {}
            assert peer.ask("POST", "/predict", ROW, **headers).status == 200


def test_counts_are_those_of_all_processes_and_outlive_a_reload(tmp_path: Path) -> None:
    """No counter goes backwards, also when a process is killed; ended processes are not counted as serving."""
    with web(tmp_path) as server:
        with Connection(server.url) as peer:
            assert peer.ask("POST", "/fit").status == 200
        predict(server.url, 20)
        until(lambda: of(scraped(server.url), "trinity_http_requests_total", route="/predict") == 20, "20 predictions")
        before = scraped(server.url)
        folder = shared_folder(server)
        for _ in range(2):
            reload(server)
            after = scraped(server.url)
            for key, value in before.items():
                if key[0].endswith(("_total", "_count", "_sum", "_bucket")):
                    assert after[key] >= value, key
            before = after
        os.kill(victim := min(processes(server)), signal.SIGKILL)
        until(lambda: victim not in processes(server) and len(processes(server)) == 2, "another process")
        predict(server.url, 10)
        until(lambda: of(scraped(server.url), "trinity_http_requests_total", route="/predict") == 30, "30 predictions")
        until(lambda: of(scraped(server.url), "trinity_web_processes") == 2, "two processes that serve")
        samples = scraped(server.url)
        assert of(samples, "trinity_http_request_duration_seconds_count", route="/predict") == 30
        assert of(samples, "trinity_jobs_finished_total", verb="predict", state="SUCCESS") == 30
        assert of(samples, "trinity_rows_total", verb="predict", model="polynomial") == 30
        assert of(samples, "trinity_model_version", model="polynomial") == 1
        assert of(samples, "trinity_up", part="store") == 1
        assert len(list(folder.glob("*.db"))) <= 10
    assert not folder.exists()


def test_labels_have_route_templates_and_no_paths(tmp_path: Path) -> None:
    with web(tmp_path, WEB_CONCURRENCY="1") as server, httpx.Client(base_url=server.url) as http:
        for path in ("/nothing", "/models/polynomial", "/models/nobody", "/models/a/b/c/d", "/ping?secret=1"):
            http.get(path)
        http.post("/models/polynomial/predict", json={"data": {"X": [[0]]}})
        samples = scraped(server.url)
    routes = {dict(labels)["route"] for name, labels in samples if name == "trinity_http_requests_total"}
    assert routes == {"unmatched", "/models/{name}", "/models/{name}/predict", "/ping"}
    assert of(samples, "trinity_http_requests_total", method="GET", route="/models/{name}", status="404") == 1


def test_with_keys_the_metrics_need_one(tmp_path: Path) -> None:
    secret, key = new_key("prometheus", "read")
    with web(tmp_path, WEB_CONCURRENCY="1", TRINITY_API_KEYS=key.entry) as server:
        assert httpx.get(f"{server.url}/metrics").status_code == 401
        samples = scraped(server.url, Authorization=f"Bearer {secret}")
        assert of(samples, "trinity_http_requests_total", route="/metrics", status="401") == 1


def test_requests_are_logged_without_their_data(tmp_path: Path) -> None:
    """One line each with the id of the response, none for health checks; a stop loses no lines."""
    with web(tmp_path, WEB_CONCURRENCY="1") as server, httpx.Client(base_url=server.url) as http:
        named = http.post("/fit?secret=hunter2", json={"data": {"X": [[7777.5]]}}, headers={"X-Request-ID": "mine-1"})
        for _ in range(30):
            unnamed = http.get("/models")
        http.get("/health/live")
    assert named.headers["X-Request-ID"] == "mine-1"
    text = server.log.read_text()
    assert "hunter2" not in text and "7777" not in text
    requests = [line for line in lines(server) if line["event"] == "request"]
    assert [line["route"] for line in requests] == ["/fit", *["/models"] * 30]
    assert requests[0]["request_id"] == "mine-1" and requests[-1]["request_id"] == unnamed.headers["X-Request-ID"]
    assert requests[0]["status"] == named.status_code and requests[0]["bytes"] == len(named.content)
    assert {line.get("logger") for line in lines(server)} == {None, "gunicorn.error"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"]) for line in lines(server))


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with trinity("redis", tmp_path_factory.mktemp("watching")) as api:
        yield api


def test_what_workers_do_shows_in_the_web_and_in_their_log(queued: Api) -> None:
    """Counts are exact, and a job's line has the id of its request."""
    url = str(queued.http.base_url).rstrip("/")
    before = scraped(url)
    queued.call("fit", {"data": {"source": "dummy", "params": {"number": 40}}}, headers={"X-Request-ID": "fit-1"})
    answers = [queued.post("predict", {"data": {"X": [[0.1], [0.2]]}}) for _ in range(30)]
    for answer in answers:
        assert queued.finished(answer)["status"] == "SUCCESS"
    samples = scraped(url)

    def more(name: str, **labels: str) -> float:
        return of(samples, name, **labels) - of(before, name, **labels)

    assert more("trinity_jobs_finished_total", verb="predict", state="SUCCESS") == 30
    assert more("trinity_job_attempts_total", verb="predict") == 30
    assert more("trinity_rows_total", verb="predict", model="polynomial") == 60
    assert more("trinity_rows_total", verb="fit", model="polynomial") == 40
    assert more("trinity_work_duration_seconds_count", verb="predict", model="polynomial") == 30
    assert of(samples, "trinity_work_duration_seconds_bucket", verb="fit", model="polynomial", le="+Inf") >= 1
    until(lambda: of(scraped(url), "trinity_workers") == 1, "the worker to be heard of")
    assert of(scraped(url), "trinity_worker_processes") == 2
    assert of(samples, "trinity_queue_depth") == 0
    assert {of(samples, "trinity_up", part=part) for part in ("store", "ledger", "broker")} == {1}
    worker = next(server for server in queued.servers if server.name == "worker1")
    until(lambda: sum(line["event"] == "job" for line in lines(worker)) >= 31, "the lines of 31 jobs")
    jobs = {line["job_id"]: line for line in lines(worker) if line["event"] == "job"}
    (fit,) = [line for line in jobs.values() if line["verb"] == "fit"]
    assert (fit["request_id"], fit["rows"], fit["status"], fit["attempts"]) == ("fit-1", 40, "SUCCESS", 1)
    for answer in answers:
        assert jobs[answer.json()["id"]]["request_id"] == answer.headers["X-Request-ID"]


def test_metrics_without_the_ledger(tmp_path: Path) -> None:
    """They come soon, without the queue's; those return with the ledger."""
    with trinity("redis", tmp_path, workers=False) as api:
        url, ledger = str(api.http.base_url).rstrip("/"), api.servers[0].process
        api.post("fit")
        assert of(scraped(url), "trinity_queue_depth", lane="fit") == 1
        os.kill(ledger.pid, signal.SIGSTOP)
        try:
            samples = scraped(url)
        finally:
            os.kill(ledger.pid, signal.SIGCONT)
        assert of(samples, "trinity_up", part="ledger") == 0 and of(samples, "trinity_up", part="store") == 1
        assert not [name for name, _ in samples if name == "trinity_queue_depth"]
        assert of(samples, "trinity_http_requests_total", route="/fit", status="202") == 1
        until(lambda: of(scraped(url), "trinity_up", part="ledger") == 1, "the ledger")
        assert of(scraped(url), "trinity_jobs", lane="fit", state="PENDING") == 1


def test_a_running_request_is_counted(tmp_path: Path) -> None:
    """In every process, also if no other request ends meanwhile."""
    with web(tmp_path) as server, ExitStack() as held:
        address = httpx.URL(server.url)
        folder = shared_folder(server)
        for _ in range(6):  # a body that is announced and never sent
            peer = held.enter_context(socket.create_connection((address.host, address.port)))
            peer.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        until(lambda: in_progress(folder) == 6, "six requests in progress")
    assert not folder.exists()


def in_progress(folder: Path) -> float:
    """The running requests that the processes have written to their files, without a scrape."""
    collector: Any = MultiProcessCollector
    found = collector(None, str(folder)).collect()
    return sum(s.value for m in found for s in m.samples if s.name == "trinity_http_requests_in_progress")


def shared_folder(server: Server) -> Path:
    """The folder in which the processes of a server write their metrics."""
    maps = Path(f"/proc/{min(processes(server))}/maps")
    pattern = re.compile(r"(/\S*trinity-metrics-\w+)/")
    until(lambda: pattern.search(maps.read_text()) is not None, "the files of metrics")
    found = pattern.search(maps.read_text())
    assert found is not None
    return Path(found[1])
