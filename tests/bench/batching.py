"""Rows that scikit-learn predicts, one a request: shared calls against one each, and against other model servers."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import median

from tests.bench import load
from tests.bench.http import Connection
from tests.bench.model_servers.running import SERVERS
from tests.bench.pipelines import DATA
from tests.bench.report import Figure, in_turn, progress, ratio
from tests.bench.servers import post, trinity
from tests.support.servers import Server

ROUNDS, ROUND_S = 5, 2
OWN_ROUNDS, OWN_ROUND_S = 15, 1  # many that are short: both have to run within the same state of a busy machine
TIMES_ALONE = {8: 3.0, 32: 8.0, 128: 25.0}  # by clients: how often the rate of one call for each row
CLIENTS_PER_S = 8  # a round has a second for so many clients, in which each gets several rows one by one
ALONE = 1.10  # of the time that one client waits for a row without sharing
CLIENTS = 32
TIMES_BEST = 2.0  # the best of the other servers
PING_PAUSE_S = 0.02
OWN, OWN_SHARE = "multivariate", 0.97  # of its rate without sharing: it is quick, so that sharing may only cost
OWN_DATA = [[0.1 * i, (7.0 * i) % 11, (3.0 * i) % 5] for i in range(200)]


def run() -> list[Figure]:
    """Shared calls bring 3, 8 and 25 times the rate at 8, 32 and 128 clients, and twice that of other servers."""
    progress(f"  client: {load.client()}")
    figures: list[Figure] = []
    for pipeline in DATA:
        with _serving(pipeline, "on", 1) as shared, _serving(pipeline, "off", 1) as each:
            figures.append(_alone(pipeline, shared, each))
            for clients, target in TIMES_ALONE.items():
                figures.append(_stacked(pipeline, clients, target, shared, each))
            figures.append(_beside(pipeline, shared))
        figures.append(_among_others(pipeline))
    figures.append(_own())
    return figures


def _own() -> Figure:
    """A built-in model that is quick keeps its rate where predictions may share calls."""
    with _serving_own("on") as shared, _serving_own("off") as each:
        body = json.dumps({"data": {"X": OWN_DATA[:1]}}).encode()
        rates = in_turn(
            OWN_ROUNDS, *(_rate(f"{server.url}/predict", body, CLIENTS, OWN_ROUND_S) for server in (shared, each))
        )
    share = ratio(*rates)
    shown = f"{median(rates[0]):,.0f} rows/s", f"{median(rates[1]):,.0f}/s without sharing"
    return Figure(f"batching, {OWN}, {CLIENTS} clients", *shown, share, f"≥ {OWN_SHARE}", share >= OWN_SHARE)


@contextmanager
def _serving_own(stacking: str) -> Iterator[Server]:
    with trinity(TRINITY_DEFAULT_MODEL=OWN, TRINITY_STACKING=stacking, WEB_CONCURRENCY="1") as server:
        y = [a - b + 2 * c for a, b, c in OWN_DATA]
        post(server.url, "/fit", json.dumps({"data": {"X": OWN_DATA, "y": y}}).encode())
        yield server


@contextmanager
def _serving(pipeline: str, stacking: str, processes: int) -> Iterator[Server]:
    """Trinity with a version of the pipeline in memory."""
    env = {"TRINITY_MODELS": "tests.bench.pipelines", "TRINITY_DEFAULT_MODEL": pipeline}
    with trinity(**env, TRINITY_STACKING=stacking, WEB_CONCURRENCY=str(processes)) as server:
        X, y = DATA[pipeline]()
        post(server.url, "/fit", json.dumps({"data": {"X": X, "y": y}}).encode())
        for _ in range(10 * processes):
            post(server.url, "/predict", _body(pipeline))
        yield server


def _body(pipeline: str) -> bytes:
    return json.dumps({"data": {"X": DATA[pipeline]()[0][:1]}}).encode()


def _alone(pipeline: str, shared: Server, each: Server) -> Figure:
    """How long one client waits for a row, asking both servers in turn, so that a busy machine affects both alike."""
    times_s: tuple[list[float], list[float]] = [], []
    body, ends_s = _body(pipeline), time.perf_counter() + 2 * ROUNDS * ROUND_S
    with Connection(shared.url) as ours, Connection(each.url) as theirs:
        while time.perf_counter() < ends_s:
            for connection, waits_s in zip((ours, theirs), times_s, strict=True):
                begin_s = time.perf_counter()
                connection.ask("POST", "/predict", body)
                waits_s.append(time.perf_counter() - begin_s)
    shared_ms, each_ms = (1e3 * median(waits_s) for waits_s in times_s)
    share = shared_ms / each_ms
    shown = f"{shared_ms:.2f} ms", f"{each_ms:.2f} ms one by one"
    return Figure(f"batching, {pipeline}, p50 of 1 client", *shown, share, f"≤ {ALONE}", share <= ALONE)


def _stacked(pipeline: str, clients: int, target: float, shared: Server, each: Server) -> Figure:
    """The rate of shared calls against that of one call for each row.

    A round is so long that each client gets several rows one by one, and begins when no row of the last one is left.
    """
    body, round_s = _body(pipeline), max(ROUND_S, clients // CLIENTS_PER_S)

    def rate(server: Server) -> float:
        post(server.url, "/predict", body)
        return load.requests_per_s(f"{server.url}/predict", body, round_s, clients)

    rates = in_turn(ROUNDS, partial(rate, shared), partial(rate, each))
    share = ratio(*rates)
    name = f"batching, {pipeline}, {clients} clients"
    shown = f"{median(rates[0]):,.0f} rows/s", f"{median(rates[1]):,.0f}/s one by one"
    return Figure(name, *shown, share, f"≥ {target:g}", share >= target)


def _rate(url: str, body: bytes, clients: int, round_s: int = ROUND_S) -> Callable[[], float]:
    return lambda: load.requests_per_s(url, body, round_s, clients)


def _beside(pipeline: str, shared: Server) -> Figure:
    """The 99th percentile of /ping while 32 clients ask for rows, and how long their shared calls take.

    Of several rounds, because a process that waits for a processor adds 3 ms to a few of the pings of a round.
    """
    pings_ms, calls_ms = [], []
    for number in range(1, ROUNDS + 1):
        with ThreadPoolExecutor(1) as pool, Connection(shared.url) as connection:
            busy = pool.submit(load.requests_per_s, f"{shared.url}/predict", _body(pipeline), 3 * ROUND_S, CLIENTS)
            pings_s, calls_s = _watched(connection, _body(pipeline), busy)
        pings_ms.append(sorted(pings_s)[int(0.99 * len(pings_s))] * 1e3)
        calls_ms.append(median(calls_s) * 1e3)
        progress(f"  round {number} of {ROUNDS}: {pings_ms[-1]:.1f} ms  {calls_ms[-1]:.1f} ms")
    share = ratio(pings_ms, calls_ms)
    name = f"batching, {pipeline}, /ping p99 beside {CLIENTS} clients"
    shown = f"{median(pings_ms):.1f} ms", f"a shared call of {median(calls_ms):.1f} ms"
    return Figure(name, *shown, share, "< 0.5", share < 0.5)


def _watched(connection: Connection, body: bytes, busy: "Future[float]") -> tuple[list[float], list[float]]:
    """Return the seconds of pings, and of the calls that predictions of our own shared, until the load ends."""
    pings_s, calls_s = [], []
    while not busy.done():
        begin_s = time.perf_counter()
        connection.ask("GET", "/ping")
        pings_s.append(time.perf_counter() - begin_s)
        time.sleep(PING_PAUSE_S)
        if len(pings_s) % 10 == 0:
            job = connection.ask("POST", "/predict", body).json()
            started, finished = (datetime.fromisoformat(str(job[name])) for name in ("started", "finished"))
            calls_s.append((finished - started).total_seconds())
    busy.result()
    return pings_s, calls_s


def _among_others(pipeline: str) -> Figure:
    """Two processes of each server, 32 clients."""
    with ExitStack() as running:
        endpoints = {}
        for name, server in SERVERS.items():
            folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="trinity-bench-")))
            endpoints[name] = running.enter_context(server(pipeline, folder))
        ours = running.enter_context(_serving(pipeline, "on", 2))
        measures = [_rate(f"{ours.url}/predict", _body(pipeline), CLIENTS)]
        measures += [_rate(each.url, each.body, CLIENTS) for each in endpoints.values()]
        for measure in measures:
            measure()
        rates, *others = in_turn(ROUNDS, *measures)
    medians = dict(zip(endpoints, map(median, others), strict=True))
    best = max(medians, key=lambda name: medians[name])
    share = ratio(rates, others[list(endpoints).index(best)])
    shown = f"{median(rates):,.0f} rows/s", ", ".join(f"{name} {rate:,.0f}/s" for name, rate in medians.items())
    name = f"batching, {pipeline}, 2 processes, {CLIENTS} clients"
    return Figure(name, *shown, share, f"≥ {TIMES_BEST:g} × the best", share >= TIMES_BEST)
