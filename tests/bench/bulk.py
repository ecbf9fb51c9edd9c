"""10,000 × 3 rows of JSON predicted over HTTP, against decoding, the same product and encoding in process alone."""

import time
from statistics import median

import msgspec
import numpy as np

from tests.bench.http import Connection
from tests.bench.report import Figure, in_turn, progress, ratio
from tests.bench.servers import post, trinity

ROWS, INPUTS = 10_000, 3
REQUESTS, ROUNDS = 10, 7
COEFFICIENTS = np.array([1.0, 2.0, -3.0])


class Data(msgspec.Struct):
    X: list[list[float]]


class Body(msgspec.Struct):
    model: str
    data: Data


def run() -> list[Figure]:
    """At most 1.5 times as long per request, on one connection."""
    X = np.random.default_rng(0).standard_normal((ROWS, INPUTS))
    fit = {"model": "multivariate", "data": {"X": X.tolist(), "y": (X @ COEFFICIENTS + 3).tolist()}}
    body = msgspec.json.encode({"model": "multivariate", "data": {"X": X.tolist()}})
    with trinity() as server:
        post(server.url, "/fit", msgspec.json.encode(fit))
        with Connection(server.url) as connection:
            predicted = np.array(msgspec.json.decode(connection.ask("POST", "/predict", body).body)["result"]["y"])
            if not np.allclose(predicted, X @ COEFFICIENTS + 3):
                raise RuntimeError("the predictions are wrong")
            progress(f"  bodies of {len(body):,} bytes; seconds per request, over HTTP and alone")
            http, alone = in_turn(ROUNDS, lambda: _http(connection, body), lambda: _alone(body))
    share = ratio(http, alone)
    return [
        Figure(
            "predict, 10,000 × 3 JSON",
            f"{median(http) * 1e3:.2f} ms",
            f"decode, predict, encode alone {median(alone) * 1e3:.2f} ms",
            share,
            "≤ 1.5",
            share <= 1.5,
        )
    ]


def _http(connection: Connection, body: bytes) -> float:
    begin = time.perf_counter()
    for _ in range(REQUESTS):
        connection.ask("POST", "/predict", body)
    return (time.perf_counter() - begin) / REQUESTS


def _alone(body: bytes) -> float:
    decoder, encoder = msgspec.json.Decoder(Body), msgspec.json.Encoder()
    begin = time.perf_counter()
    for _ in range(REQUESTS):
        X = np.array(decoder.decode(body).data.X)
        encoder.encode({"y": (X @ COEFFICIENTS + 3).tolist()})
    return (time.perf_counter() - begin) / REQUESTS
