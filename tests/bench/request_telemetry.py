"""What the middleware costs a prediction of one row: the app called in this process, with it and without.

Of that, what it costs to count and log a request is measured by itself.
"""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from app.bootstrap import build
from app.dispatch.inline import InlineDispatcher
from app.schemas.jobs import Outcome
from app.schemas.requests import Source, Work
from app.serve.app import create_app
from app.serve.asgi import BODY, HEADERS
from app.serve.middleware.request_middleware import MAX_PENDING, RequestMiddleware, Telemetry
from app.settings import Settings
from app.telemetry.log_records import RequestLog
from app.telemetry.logs import line_sink
from app.telemetry.metrics import ServiceMetrics
from app.telemetry.stderr_writer import LineWriter
from tests.bench.report import Figure

ROW = b'{"data":{"X":[[0.5]]}}'
LINES = [
    (b"host", b"127.0.0.1:5000"),
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(ROW)),
    (b"x-request-id", b"0123456789abcdef0123456789abcdef"),
]
SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/predict",
    "query_string": b"",
    "headers": LINES,
    HEADERS: dict(LINES),
    BODY: ROW,
}
ROUNDS, CALLS, TURN = 30, 2_000, 4  # answers in one turn of the loop


def run() -> list[Figure]:
    """At most 4 µs to count and log; the whole also names the request and bounds its body, and has no target."""
    with TemporaryDirectory() as folder:
        plain_us, whole_us, record_us = uvloop.run(_measured(Path(folder)))
    cost_us = min(whole_us) - min(plain_us)  # the rounds that nobody else's work fell into
    alone = f"app alone {min(plain_us):.1f} µs"
    recorded_us = min(record_us)
    return [
        Figure("name, bound, count and log a request", f"{cost_us:.1f} µs", alone),
        Figure("count and log a request", f"{recorded_us:.1f} µs", alone, None, "≤ 4 µs", recorded_us <= 4),
    ]


async def _measured(folder: Path) -> tuple[list[float], list[float], list[float]]:
    """The microseconds of processor time of one answer in each round: without it, with it, and to record it."""
    metrics, plain, whole = _apps(folder)
    plain_us, whole_us, record_us = [], [], []
    for _ in range(ROUNDS):
        plain_us.append(await _round(plain))
        whole_us.append(await _round(whole))
        record_us.append(await _record_round(metrics, whole))
    assert metrics.exposition([]).count(b"/predict")
    return plain_us, whole_us, record_us


def _apps(folder: Path) -> tuple[ServiceMetrics, Any, Any]:
    settings = Settings(store=str(folder), log_format="json")  # type: ignore[arg-type]
    components = build(settings)
    components.service.run(Work("fit", "polynomial", None, {"degree": 3}, Source("dummy", {})), "j", 0.0)
    pool = ThreadPoolExecutor(1)
    metrics = ServiceMetrics(components.service.models.estimators, inline=True)
    log = RequestLog(line_sink(settings, LineWriter(os.open(os.devnull, os.O_WRONLY)).write))
    bare = create_app(settings, components.service, InlineDispatcher(components.service, pool, 1, _still), pool, {})
    assert isinstance(bare, RequestMiddleware)
    inline = InlineDispatcher(components.service, pool, 1, _still, metrics.work)
    whole = create_app(settings, components.service, inline, pool, {}, telemetry=Telemetry(metrics, log))
    return metrics, bare._app, whole


async def _round(app: Any) -> float:
    begun = time.process_time()
    for _ in range(CALLS // TURN):
        for _ in range(TURN):
            await app(SCOPE.copy(), _receive, _send)
        await asyncio.sleep(0)
    await asyncio.sleep(0.06)  # until the last are settled
    return (time.process_time() - begun) / CALLS * 1e6


async def _record_round(metrics: ServiceMetrics, whole: RequestMiddleware) -> float:
    """Count and log answers and their work, as the middleware and the dispatcher do."""
    work, outcome = Work("predict", "polynomial", 1, {}, Source("dummy", {})), Outcome(0.0, 0.00002, 1, rows=1)
    answered = ("POST", "/predict", 200, 0.00003, 330, "0123456789abcdef0123456789abcdef", "")
    begun = time.process_time()
    for _ in range(CALLS // TURN):
        for _ in range(TURN):
            metrics.work(work, outcome)
            whole._pending.append(answered)
        await asyncio.sleep(0)
        if len(whole._pending) >= MAX_PENDING:
            whole.flush()
    whole.flush()
    return (time.process_time() - begun) / CALLS * 1e6


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": ROW, "more_body": False}


async def _send(message: dict[str, Any]) -> None:
    assert message.get("status", 200) == 200


def _still() -> float:
    """A clock that never advances: work that seems slow would go to a thread."""
    return 1.0
