"""The cost of clients that wait for a job in one web process: half by long poll, half by its events."""

import resource
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

from tests.bench.http import Connection
from tests.bench.report import Figure, progress
from tests.support import servers

FEW, MANY = 2_000, 5_000
MAX_BYTES = 300_000_000


def run() -> list[Figure]:
    """2,000 waiting clients use no thread each, 5,000 less than 300 MB; /ping responds, and all learn the job's end."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="trinity-waiting-") as folder, ExitStack() as stack:
        ledger = stack.enter_context(servers.valkey(Path(folder) / "valkey")).url
        settings = {"TRINITY_BROKER_URL": f"{ledger}/1", "TRINITY_LEDGER_URL": f"{ledger}/0", "WEB_CONCURRENCY": "1"}
        web = stack.enter_context(servers.web(Path(folder), TRINITY_MODE="async", TRINITY_MAX_WAIT="600", **settings))
        (process,) = psutil.Process(web.process.pid).children()
        control = stack.enter_context(Connection(web.url))
        path = control.ask("POST", "/fit").headers["location"]
        alone = process.num_threads(), process.memory_info().rss
        waiting: list[Connection] = []
        found = {count: _cost(process, waiting, count, stack, web.url, path) for count in (FEW, MANY)}
        slowest_ms = max(_ping_ms(control) for _ in range(200))
        end_seen_s = _end_seen_s(control, waiting[::2], path)
    threads, rss = found[FEW][0] - alone[0], found[MANY][1]
    return [
        Figure(
            f"{FEW:,} waiting clients", f"{threads} more threads", target=f"< {FEW // 100}", ok=threads < FEW // 100
        ),
        Figure(
            f"{MANY:,} waiting clients",
            f"{rss / 1e6:.0f} MB",
            f"{alone[1] / 1e6:.0f} MB without",
            target=f"< {MAX_BYTES / 1e6:.0f} MB",
            ok=rss < MAX_BYTES,
        ),
        Figure("  beside them", f"/ping max {slowest_ms:.1f} ms", f"all saw the end within {end_seen_s:.1f} s"),
    ]


def _cost(
    process: psutil.Process, waiting: list[Connection], count: int, stack: ExitStack, url: str, path: str
) -> tuple[int, int]:
    """Threads and resident bytes of the process while this many clients wait."""
    while len(waiting) < count:
        client = stack.enter_context(Connection(url, timeout_s=120))
        client.send("GET", f"{path}?wait=600" if len(waiting) % 2 == 0 else f"{path}/events")
        waiting.append(client)
    servers.until(lambda: _clients(process) >= count, f"{count} clients", 60)
    time.sleep(1)  # not a wait for something: the memory is that of rest
    cost = process.num_threads(), process.memory_info().rss
    progress(f"  {count:,} wait: {cost[0]} threads, {cost[1] / 1e6:.0f} MB")
    return cost


def _clients(process: psutil.Process) -> int:
    return sum(each.status == psutil.CONN_ESTABLISHED for each in process.net_connections("tcp"))


def _ping_ms(control: Connection) -> float:
    begin = time.perf_counter()
    control.ask("GET", "/ping")
    return (time.perf_counter() - begin) * 1e3


def _end_seen_s(control: Connection, polls: list[Connection], path: str) -> float:
    """Cancel the job: the seconds until each long poll has its response."""
    begin = time.perf_counter()
    control.ask("DELETE", path)
    assert all(poll.receive().json()["status"] == "REVOKED" for poll in polls)
    return time.perf_counter() - begin
