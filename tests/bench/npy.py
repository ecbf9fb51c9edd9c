"""1,000,000 × 3 float64 predicted as npy over HTTP, against ASGI callables that take and send as many bytes."""

import io
import time
from functools import partial
from statistics import median

import msgspec
import numpy as np

from tests.bench.http import Connection, request
from tests.bench.report import Figure, in_turn, progress, ratio
from tests.bench.servers import bare, post, trinity

ROWS, INPUTS = 1_000_000, 3
REQUESTS, ROUNDS = 3, 9
COEFFICIENTS = np.array([1.0, 2.0, -3.0])
NPY = "application/x-npy"


def run() -> list[Figure]:
    """At most 1.5 times as long per request, on one connection."""
    X = np.random.default_rng(0).standard_normal((ROWS, INPUTS))
    some = X[:1000]
    fit = {"model": "multivariate", "data": {"X": some.tolist(), "y": (some @ COEFFICIENTS + 3).tolist()}}
    body = io.BytesIO()
    np.save(body, X)
    with trinity() as ours:
        post(ours.url, "/fit", msgspec.json.encode(fit))
        message = request("POST", "/models/multivariate/predict", body.getvalue(), content_type=NPY, accept=NPY)
        with Connection(ours.url) as connection:
            answer = _ask(connection, message)
        if not np.allclose(np.load(io.BytesIO(answer)), X @ COEFFICIENTS + 3):
            raise RuntimeError("the predictions are wrong")
        with (
            bare(len(answer), "whole") as copying,
            bare(len(answer)) as dropping,
            Connection(ours.url) as mine,
            Connection(copying.url) as copies,
            Connection(dropping.url) as drops,
        ):
            progress(f"  {len(message):,} bytes there, {len(answer):,} back; seconds a request: predict, copy, drop")
            npy, copied, dropped = in_turn(
                ROUNDS, *(partial(_seconds, each, message) for each in (mine, copies, drops))
            )
    share = ratio(npy, copied)
    copying_s = f"bare ASGI callable copies {median(copied) * 1e3:.1f} ms"
    dropping_s = f"one that drops the body {median(dropped) * 1e3:.1f} ms"
    return [
        Figure("predict, 1,000,000 × 3 npy", f"{median(npy) * 1e3:.1f} ms", copying_s, share, "≤ 1.5", share <= 1.5),
        Figure("  likewise", f"{median(npy) * 1e3:.1f} ms", dropping_s, ratio(npy, dropped)),
    ]


def _ask(connection: Connection, message: bytes) -> bytes:
    connection.send_raw(message)
    answer = connection.receive()
    if answer.status != 200:
        raise RuntimeError(f"answered {answer.status}: {answer.body[:300]!r}")
    return answer.body


def _seconds(connection: Connection, message: bytes) -> float:
    begin = time.perf_counter()
    for _ in range(REQUESTS):
        _ask(connection, message)
    return (time.perf_counter() - begin) / REQUESTS
