"""Queued predictions: submitted over several connections, run by a Celery worker, collected; embedded Valkey."""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.bench.http import Connection
from tests.bench.report import Figure
from tests.bench.running import trinity
from tests.servers import valkey, worker

JOBS, CONNECTIONS = 2_000, 8
WAIT_S = 30
ROW = b'{"data":{"X":[[0.5]]}}'


def run() -> list[Figure]:
    """Reported without a target."""
    with tempfile.TemporaryDirectory(prefix="trinity-bench-") as name, valkey(Path(name)) as redis:
        folder = Path(name)
        urls = {"TRINITY_BROKER_URL": f"{redis.url}/1", "TRINITY_LEDGER_URL": f"{redis.url}/0"}
        env = {"TRINITY_MODE": "async", "TRINITY_STORE": str(folder / "store"), **urls}
        with trinity(**env) as web, worker(folder, **env):
            _collect(web.url, [_submit(web.url, "/fit", b"")])
            submitted_s, collected_s = _measure(web.url)
    measured = f"{JOBS / collected_s:,.0f} jobs/s end to end"
    return [Figure("queued predictions", measured, f"{JOBS / submitted_s:,.0f} submitted/s alone")]


def _measure(url: str) -> tuple[float, float]:
    """The seconds until all jobs were accepted, and until all were collected."""
    share = JOBS // CONNECTIONS
    begin = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        places = list(pool.map(partial(_submit_many, url), [share] * CONNECTIONS))
        submitted_s = time.perf_counter() - begin
        list(pool.map(partial(_collect, url), places))
    return submitted_s, time.perf_counter() - begin


def _submit_many(url: str, jobs: int) -> list[str]:
    with Connection(url) as connection:
        return [_location(connection, "/predict", ROW) for _ in range(jobs)]


def _submit(url: str, path: str, body: bytes) -> str:
    with Connection(url) as connection:
        return _location(connection, path, body)


def _location(connection: Connection, path: str, body: bytes) -> str:
    answer = connection.ask("POST", path, body, prefer="respond-async")
    if answer.status != 202:
        raise RuntimeError(f"{path} answered {answer.status}: {answer.body[:300]!r}")
    return answer.headers["location"]


def _collect(url: str, places: list[str]) -> None:
    """Wait for each job in turn; RuntimeError when one doesn't succeed."""
    with Connection(url) as connection:
        for place in places:
            job = connection.ask("GET", f"{place}?wait={WAIT_S}").json()
            if job["status"] != "SUCCESS":
                raise RuntimeError(f"{place} is {job['status']}: {job['error']}")
