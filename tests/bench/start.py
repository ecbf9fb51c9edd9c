"""How soon a start answers, and how much memory each process then holds."""

import time
from statistics import median

import psutil

from tests.bench.http import Connection
from tests.bench.report import Figure, in_turn
from tests.bench.servers import post, trinity

ROUNDS = 3
PREDICTS = 50


def run() -> list[Figure]:
    """Under 1.5 s to the first /ping, under 100 MB per process after fits and predictions."""
    seconds, megabytes = in_turn(ROUNDS, _ready_s, _largest_mb)
    return [
        Figure("web ready", f"{median(seconds):.2f} s", target="< 1.5 s", ok=median(seconds) < 1.5),
        Figure("largest web process", f"{median(megabytes):.0f} MB", target="< 100 MB", ok=median(megabytes) < 100),
    ]


def _ready_s() -> float:
    begin = time.perf_counter()
    with trinity():
        return time.perf_counter() - begin


def _largest_mb() -> float:
    """The resident memory of the largest process, once every worker has fitted or predicted."""
    with trinity() as server:
        post(server.url, "/fit", b'{"data":{"source":"dummy","params":{"number":10000}}}')
        for _ in range(PREDICTS):
            with Connection(server.url) as connection:
                connection.ask("POST", "/predict", b'{"data":{"X":[[0.5]]}}')
        post(server.url, "/fit", b"")
        master = psutil.Process(server.process.pid)
        return max(process.memory_info().rss for process in (master, *master.children())) / 1e6
