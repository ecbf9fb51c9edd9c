"""Several processes and their limits: all serve each fit; too many requests are refused with a time to retry."""

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support import servers
from tests.support.api import WAIT_S, Json, gate, problem
from tests.support.trinity import MODELS, trinity


def test_every_process_serves_every_fit(tmp_path: Path) -> None:
    """With three web processes, each fit serves the next request, whichever process answers it."""
    with trinity("inline", tmp_path, WEB_CONCURRENCY="3") as api:
        for round_ in range(1, 11):
            data = {"X": [[0.0], [1.0]], "y": [0.0, float(round_)]}
            # A new connection each time, so that the kernel may give it to another process.
            version = _fresh(api.http, "fit", {"model": "multivariate", "data": data})["version"]
            assert version == round_
            for _ in range(5):
                answer = _fresh(api.http, "predict", {"model": "multivariate", "data": {"X": [[1.0]]}})
                assert (answer["version"], answer["result"]["y"]) == (version, pytest.approx([round_]))


def test_concurrent_fits_each_get_a_version(tmp_path: Path) -> None:
    """Fits at the same time in several processes publish one version each."""
    with trinity("inline", tmp_path, WEB_CONCURRENCY="3", TRINITY_MAX_FITS="20") as api, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: _fresh(api.http, "fit", None), range(20)))
        assert sorted(answer["version"] for answer in answers) == list(range(1, 21))
        assert api.call("predict")["version"] == 20


def test_fits_survive_a_restart(tmp_path: Path) -> None:
    """A version fitted before a restart is served after it, and numbers continue."""
    with trinity("inline", tmp_path) as api:
        assert api.result("fit")["version"] == 1
        before = api.result("predict")
    with trinity("inline", tmp_path) as api:
        assert api.result("predict", {"version": 1}) == before
        assert api.result("fit")["version"] == 2


@pytest.mark.parametrize("verb", ["predict", "score"])
def test_nothing_is_served_from_an_empty_store(tmp_path: Path, verb: str) -> None:
    """On a fresh store predict and score answer 404 and say how to fit."""
    with trinity("inline", tmp_path) as api:
        assert "/fit" in problem(api.post(verb), 404)["detail"]


def test_fits_are_bounded(tmp_path: Path) -> None:
    """Above the limit of concurrent fits: 503 with Retry-After; others continue, and later fits are accepted."""
    with (
        trinity("inline", tmp_path, WEB_CONCURRENCY="1", TRINITY_MAX_FITS="1") as api,
        gate(tmp_path) as closed,
        ThreadPoolExecutor(1) as pool,
    ):
        version = api.result("fit")["version"]
        running = pool.submit(httpx.post, f"{api.http.base_url}/fit", json=closed.body(), timeout=WAIT_S + 10)
        closed.wait_for_fit()
        refused = api.post("fit")
        problem(refused, 503)
        assert int(refused.headers["Retry-After"]) >= 1
        assert api.http.get("/ping").status_code == 200
        assert api.call("predict")["version"] == version
        closed.open()
        assert running.result().status_code == 200
        assert api.result("fit")["version"] == version + 1


def test_pending_jobs_are_bounded(tmp_path: Path) -> None:
    """Above the limit of waiting jobs: 429 with Retry-After; jobs accepted before remain."""
    with trinity("redis", tmp_path, workers=False, TRINITY_MAX_PENDING="3") as api:
        accepted = [api.post("fit") for _ in range(3)]
        assert [answer.status_code for answer in accepted] == [202, 202, 202]
        refused = api.post("fit")
        problem(refused, 429)
        assert int(refused.headers["Retry-After"]) >= 1
        states = [api.http.get(answer.headers["Location"]).json()["status"] for answer in accepted]
        assert states == ["PENDING", "PENDING", "PENDING"]


def test_jobs_wait_for_a_worker(tmp_path: Path) -> None:
    """Jobs accepted without a worker are done when one starts, also after a restart of the web."""
    with trinity("redis", tmp_path, workers=False) as api:
        answers = [api.post("fit") for _ in range(5)]
        assert api.ledger_url is not None
        urls = {"TRINITY_LEDGER_URL": api.ledger_url, "TRINITY_BROKER_URL": api.ledger_url.removesuffix("0") + "1"}
        with servers.worker(tmp_path, TRINITY_MODE="async", **urls):
            versions = [api.finished(answer)["result"]["version"] for answer in answers]
    assert sorted(versions) == [1, 2, 3, 4, 5]


def test_a_fit_ends_with_its_worker(tmp_path: Path) -> None:
    """The child process of a killed worker, deep in C code, ends too and uses no processor."""
    with trinity("redis", tmp_path, workers=False) as api, gate(tmp_path) as closed:
        assert api.ledger_url is not None
        urls = {"TRINITY_LEDGER_URL": api.ledger_url, "TRINITY_BROKER_URL": api.ledger_url.removesuffix("0") + "1"}
        settings = {"TRINITY_MODE": "async", "TRINITY_MODELS": MODELS, **urls}
        with servers.worker(tmp_path, **settings) as worker:
            assert api.post("fit", closed.body() | {"model": "entranced"}).status_code == 202
            closed.wait_for_fit()
            children = psutil.Process(worker.process.pid).children()
            worker.process.kill()
            servers.until(lambda: not any(map(_lives, children)), "the end of the worker's processes", 10)


def test_an_intended_end_of_a_process_is_no_error(tmp_path: Path) -> None:
    """A cancelled job logs information, a late one a warning; any other death of a process is an error."""
    with trinity("redis", tmp_path, workers=False) as api, gate(tmp_path) as closed:
        assert api.ledger_url is not None
        urls = {"TRINITY_LEDGER_URL": api.ledger_url, "TRINITY_BROKER_URL": api.ledger_url.removesuffix("0") + "1"}
        settings = {"TRINITY_MODE": "async", "TRINITY_MODELS": MODELS, "TRINITY_LOG_FORMAT": "json", **urls}
        with servers.worker(tmp_path, **settings) as worker:
            cancelled = api.post("fit", closed.body()).headers["Location"]
            closed.wait_for_fit()
            assert api.http.delete(cancelled).status_code == 200
            servers.until(lambda: "was cancelled" in worker.log.read_text(), "the line of the cancelled job")
            servers.until(closed.nobody_waits, "the end of its process")
            late = api.finished(api.post("fit", closed.body() | {"timeout": 0.5}))
            assert late["error"]["type"] == "urn:trinity:timeout", late
            servers.until(closed.nobody_waits, "the end of its process")
            assert _errors(worker) == []
            api.post("fit", closed.body())
            closed.wait_for_fit()
            for child in psutil.Process(worker.process.pid).children():
                child.kill()
            servers.until(lambda: bool(_errors(worker)), "the line of the process that died")
            assert all("exited with 'signal 9 (SIGKILL)'" in fault for fault in _errors(worker))
            servers.until(lambda: "a process is gone with 1 jobs" in worker.log.read_text(), "the line of its job")


def test_lanes_and_flower(tmp_path: Path) -> None:
    """A worker on the lanes predict and score takes no fits; Flower shows both workers and their tasks."""
    with trinity("redis", tmp_path) as api:
        assert api.ledger_url is not None
        urls = {"TRINITY_LEDGER_URL": api.ledger_url, "TRINITY_BROKER_URL": api.ledger_url.removesuffix("0") + "1"}
        settings = {"TRINITY_MODE": "async", "TRINITY_STORE": str(tmp_path / "store"), **urls}
        with (
            servers.worker(tmp_path, queues="predict,score", name="worker2", **settings),
            servers.flower(tmp_path, **settings) as flower,
            httpx.Client(base_url=flower.url, auth=("watch", "tower"), timeout=WAIT_S) as view,
        ):
            servers.until(lambda: _workers(view) == {"worker1", "worker2"}, "two workers in Flower")
            for verb in ("fit", "predict", "score"):
                api.call(verb)
            servers.until(
                lambda: _tasks(view) == {"app.tasks.fit", "app.tasks.predict", "app.tasks.score"}, "the tasks in Flower"
            )
            assert {task["worker"].split("@")[0] for task in _fits(view)} == {"worker1"}
            assert httpx.get(f"{flower.url}/api/workers").status_code == 401


def _fresh(http: httpx.Client, verb: str, body: Json) -> Json:
    """The envelope of a call over a new connection."""
    answer = httpx.post(f"{http.base_url}/{verb}", timeout=WAIT_S, json={} if body is None else body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _errors(worker: servers.Server) -> list[str]:
    """The errors in the worker's log, and lines in another form than its log's."""
    lines = worker.log.read_text().splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    loose = [line for line in lines if line.startswith(("Process", "Traceback"))]
    return loose + [line["event"] for line in found if line["level"] in ("error", "critical") or "exception" in line]


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _workers(view: httpx.Client) -> set[str]:
    answer = view.get("/api/workers", params={"refresh": "true"})
    return {name.split("@")[0] for name in answer.json()} if answer.status_code == 200 else set()


def _tasks(view: httpx.Client) -> set[str]:
    return {task["name"] for task in view.get("/api/tasks").json().values()}


def _fits(view: httpx.Client) -> list[dict[str, str]]:
    return [task for task in view.get("/api/tasks").json().values() if task["name"] == "app.tasks.fit"]


def test_jobs_are_accepted_while_the_broker_is_frozen(tmp_path: Path) -> None:
    """A job is accepted once the ledger has it; it is done when the broker is back."""
    with servers.valkey(tmp_path / "ledger") as ledger, servers.valkey(tmp_path / "broker") as broker:
        urls = {"TRINITY_LEDGER_URL": ledger.url, "TRINITY_BROKER_URL": broker.url}
        settings = {"TRINITY_MODE": "async", "TRINITY_STORE": str(tmp_path / "store"), **urls}
        with servers.worker(tmp_path, **settings), servers.web(tmp_path, **settings) as site:
            broker.process.send_signal(signal.SIGSTOP)
            try:
                accepted = [httpx.post(f"{site.url}/fit", timeout=2) for _ in range(3)]
                assert [answer.status_code for answer in accepted] == [202, 202, 202]
            finally:
                broker.process.send_signal(signal.SIGCONT)
            for answer in accepted:
                job = httpx.get(site.url + answer.headers["Location"], params={"wait": WAIT_S}, timeout=WAIT_S + 10)
                assert job.json()["status"] == "SUCCESS"
