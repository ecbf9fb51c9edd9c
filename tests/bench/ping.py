"""How long /ping takes on a process that spends 10 s fitting."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from statistics import median

from tests.bench.http import Connection
from tests.bench.report import Figure, progress
from tests.bench.servers import post, trinity

FIT_S = 10
PAUSE_S = 0.01
PROBE_ROWS = 50_000  # of two inputs at degree 20: 231 terms


def run() -> list[Figure]:
    """The slowest answer under 50 ms."""
    with trinity(WEB_CONCURRENCY="1", TRINITY_MAX_DESIGN=str(64 * 1024**3)) as server, ThreadPoolExecutor(1) as pool:
        rows = _rows_for(FIT_S, server.url)
        begin = time.perf_counter()
        fit = pool.submit(post, server.url, "/fit", _body(rows))
        waits_s = _pings(server.url, fit)
        fit.result()
        fit_s = time.perf_counter() - begin
    slowest_ms = max(waits_s) * 1e3
    measured = f"p50 {median(waits_s) * 1e3:.1f} ms, max {slowest_ms:.1f} ms"
    compared = f"{len(waits_s)} pings in a fit of {fit_s:.1f} s"
    return [Figure("/ping during a fit", measured, compared, None, "max < 50 ms", slowest_ms < 50)]


def _rows_for(seconds: float, url: str) -> int:
    """The rows that a fit of this many seconds takes on this machine."""
    post(url, "/fit", _body(PROBE_ROWS))
    begin = time.perf_counter()
    post(url, "/fit", _body(PROBE_ROWS))
    rows = int(PROBE_ROWS * seconds / (time.perf_counter() - begin))
    progress(f"  fitting {rows:,} rows")
    return rows


def _body(rows: int) -> bytes:
    return b'{"params":{"degree":20},"data":{"source":"dummy","params":{"number":%d,"inputs":2}}}' % rows


def _pings(url: str, fit: "Future[bytes]") -> list[float]:
    """The seconds of each ping, one after the other on one connection, until the fit has ended."""
    waits_s = []
    with Connection(url) as connection:
        while not fit.done():
            begin = time.perf_counter()
            connection.ask("GET", "/ping")
            waits_s.append(time.perf_counter() - begin)
            time.sleep(PAUSE_S)
    return waits_s
