"""Keep-alive connections that each carry many requests of 1 KB to 1 MB: none may be lost or answered wrongly."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

from tests.bench.http import Connection
from tests.bench.report import Figure
from tests.bench.servers import post, trinity

REQUESTS, CONNECTIONS = 3_000, 15
SMALLEST_BYTES, LARGEST_BYTES = 1_000, 1_000_000
ROW = b'{"data":{"X":[[0.5]]}}'


def run() -> list[Figure]:
    """None of 3,000."""
    with trinity() as server:
        post(server.url, "/fit", b"")
        begin = time.perf_counter()
        lost = losses(server.url, REQUESTS)
        seconds = time.perf_counter() - begin
    text = f"{len(lost)} lost in {seconds:.1f} s" + (f", first: {lost[0]}" if lost else "")
    return [Figure(f"{REQUESTS:,} keep-alive requests, 1 KB to 1 MB", text, target="0 lost", ok=not lost)]


def losses(url: str, requests: int) -> list[str]:
    """Send this many predictions over 15 connections; return what went wrong with each wrong or missing response."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        lost = pool.map(_one, [url] * CONNECTIONS, range(CONNECTIONS), [requests // CONNECTIONS] * CONNECTIONS)
        return [loss for of_one in lost for loss in of_one]


def _one(url: str, seed: int, requests: int) -> list[str]:
    """The losses of one connection, which is opened again after each."""
    sizes = random.Random(seed)
    lost: list[str] = []
    connection = Connection(url)
    for _ in range(requests):
        size = int(SMALLEST_BYTES * (LARGEST_BYTES / SMALLEST_BYTES) ** sizes.random())
        body = ROW + b" " * (size - len(ROW))
        try:
            status = connection.ask("POST", "/predict", body).status
            if status != 200:
                lost.append(f"{size} bytes: status {status}")
        except OSError as error:
            lost.append(f"{size} bytes: {error}")
            connection.close()
            connection = Connection(url)
    connection.close()
    return lost
