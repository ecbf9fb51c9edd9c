"""Requests per second of one URL: with wrk if it is installed, otherwise with our own processes."""

import asyncio
import multiprocessing
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

from tests.bench.http import request

CONNECTIONS = 32
PROCESSES = 2
SECONDS = 3


def client() -> str:
    """The client that measures."""
    return "wrk" if shutil.which("wrk") else f"bundled, {PROCESSES} processes; wrk is faster"


def requests_per_s(url: str, body: bytes, seconds: int = SECONDS, connections: int = CONNECTIONS) -> float:
    """POST the body over keep-alive connections, at least two; RuntimeError if a response is missing or is not 200."""
    measure = _wrk if shutil.which("wrk") else _bundled
    return measure(url, body, seconds, connections)


def _wrk(url: str, body: bytes, seconds: int, connections: int) -> float:
    script = Path(__file__).with_name("post.lua")
    command = ["wrk", "-t1", "--timeout", "20s", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
    env = {**os.environ, "BENCH_BODY": body.decode()}
    output = subprocess.run(command, capture_output=True, text=True, env=env, check=True).stdout
    if found := re.search(r"Non-2xx.*|Socket errors.*", output):
        raise RuntimeError(f"{url}: {found[0]}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if rate is None:
        raise RuntimeError(f"wrk said:\n{output}")
    return float(rate[1])


def _bundled(url: str, body: bytes, seconds: int, connections: int) -> float:
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        rates = pool.starmap(_process, [(url, body, seconds, connections // PROCESSES)] * PROCESSES)
    return sum(rates)


def _process(url: str, body: bytes, seconds: int, connections: int) -> float:
    """The rate of one process with its share of the connections."""
    return uvloop.run(_connections(url, body, seconds, connections))


async def _connections(url: str, body: bytes, seconds: int, connections: int) -> float:
    parts = urlsplit(url)
    message = request("POST", parts.path, body)
    loop = asyncio.get_running_loop()
    begin = time.perf_counter()
    opened = [
        (await loop.create_connection(lambda: _Client(message), parts.hostname or "", parts.port or 80))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    answered, took_s = sum(client.answered for client in opened), time.perf_counter() - begin
    if lost := sum(client.lost for client in opened):
        raise RuntimeError(f"{url}: {lost} of {len(opened)} connections lost or answered with something else than 200")
    for each in opened:
        each.close()
    return answered / took_s


class _Client(asyncio.Protocol):
    """Sends the next request as soon as the last is answered."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._received = b""
        self.answered = 0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class doesn't derive from it
        self._transport.write(self._message)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not separator or not length or len(rest) < int(length[1]):
            return
        self.lost |= not head.startswith(b"HTTP/1.1 200")
        self._received = b""
        self.answered += 1
        self._transport.write(self._message)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def close(self) -> None:
        self._transport.abort()
