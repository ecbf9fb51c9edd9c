"""Queued predictions of one row, from the POST to the stored result, every commit on disk; beside other task queues.

All have the same Redis settings (appendonly, appendfsync always), workers of two processes, and the same work: decode
the row, predict, store the result, and at the end read all results. Trinity is asked over HTTP; the others by their own
client in this process (`references`). Rounds are interleaved, and ratios are those of one round.
"""

import asyncio
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop
from redis import Redis

from tests.bench.http import Connection, request
from tests.bench.plain_celery import plain_celery_jobs_per_s
from tests.bench.references import NAMES, Reference
from tests.bench.report import Figure, in_turn, progress, ratio
from tests.bench.servers import trinity
from tests.support.servers import Server, until, valkey, worker

JOBS, REFERENCE_JOBS, ROUNDS = 10_000, 2_000, 7
ROW = b'{"data":{"X":[[0.5]]}}'
TARGET = 3_000
TIMES_BEST = {500: 2.0, 64: 1.5}  # by connections: how often the best of the others


def run() -> list[Figure]:
    """At least 3,000 jobs a second, and of the best other queue twice as many at 500 connections, 1.5 times at 64."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="trinity-bench-") as name, valkey(Path(name), fsync="always") as redis:
        folder = Path(name)
        env = {
            "TRINITY_MODE": "async",
            "TRINITY_STORE": str(folder / "store"),
            "TRINITY_MAX_PENDING": "1000000",
            "TRINITY_BROKER_URL": f"{redis.url}/1",
            "TRINITY_LEDGER_URL": f"{redis.url}/0",
        }
        references = [Reference(each, redis.url, folder) for each in NAMES]
        ledger = Redis.from_url(env["TRINITY_LEDGER_URL"])
        with trinity(**env) as web, worker(folder, **env):
            _fit(web)
            _jobs_per_s(web, ledger, JOBS // 10, 64)
            for connections in TIMES_BEST:
                progress(f"  {JOBS} jobs over {connections} connections, fsync on every commit")
                ours, plain, *others = in_turn(
                    ROUNDS,
                    partial(_jobs_per_s, web, ledger, JOBS, connections),
                    partial(plain_celery_jobs_per_s, folder, f"{redis.url}/2", REFERENCE_JOBS),
                    *(partial(each.jobs_per_s, REFERENCE_JOBS, connections) for each in references),
                )
                figures += _figures(connections, ours, plain, dict(zip(NAMES, others, strict=True)))
    return figures


def _figures(connections: int, ours: list[float], plain: list[float], others: dict[str, list[float]]) -> list[Figure]:
    """Beside plain Celery, and beside the best of the others in each round."""
    measured = f"{statistics.median(ours):,.0f} jobs/s end to end"
    best = [max(rates) for rates in zip(*others.values(), strict=True)]
    times = ratio(ours, best)
    found = ", ".join(f"{name} {statistics.median(rates):,.0f}" for name, rates in others.items())
    name = f"queued predictions, 1 row, {connections} connections"
    target = f"≥ {TARGET:,}/s" if connections == max(TIMES_BEST) else ""
    return [
        Figure(
            name,
            measured,
            f"plain Celery {statistics.median(plain):,.0f}/s",
            ratio(ours, plain),
            target,
            statistics.median(ours) >= TARGET if target else None,
        ),
        Figure(
            "  beside the best of",
            measured,
            f"{found}/s",
            times,
            f"≥ {TIMES_BEST[connections]} ×",
            times >= TIMES_BEST[connections],
        ),
    ]


def _fit(web: Server) -> None:
    with Connection(web.url) as connection:
        answer = connection.ask("POST", "/fit", b"", prefer="wait=30")
    if answer.status != 200:
        raise RuntimeError(f"/fit answered {answer.status}: {answer.body[:300]!r}")


def _jobs_per_s(web: Server, ledger: Redis, jobs: int, connections: int) -> float:
    """Return the rate from the first POST until all results are stored and read; RuntimeError if one is missing."""
    begin = time.perf_counter()
    locations = uvloop.run(_submit(web.url, jobs, connections))
    until(lambda: not ledger.zcard("trinity:lane:predict") and not ledger.zcard("trinity:leases"), "the results", 60)
    pipe = ledger.pipeline(transaction=False)
    for location in locations:
        pipe.hmget(f"trinity:job:{location.rpartition('/')[2]}", "status", "result")
    found = pipe.execute()
    took_s = time.perf_counter() - begin
    if len(found) != jobs or any(status != b"SUCCESS" or not result for status, result in found):
        raise RuntimeError("a job was not accepted, or failed")
    return jobs / took_s


async def _submit(url: str, jobs: int, connections: int) -> list[str]:
    """Send the POSTs over many connections at once; return the job of each."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    locations: list[str] = []
    left = iter(range(jobs - connections))

    class Client(asyncio.Protocol):
        """Sends the next request as soon as the last is answered, until none is left."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._transport = cast("asyncio.Transport", transport)
            self._received = b""
            self._transport.write(MESSAGE)

        def data_received(self, data: bytes) -> None:
            self._received += data
            head, separator, rest = self._received.partition(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
            if not separator or len(rest) < int(fields[b"content-length"]):
                return
            self._received = b""
            locations.append(fields.get(b"location", b"").decode())
            if next(left, None) is not None:
                self._transport.write(MESSAGE)
            elif len(locations) == jobs:
                done.set_result(None)

    opened = [
        (await loop.create_connection(Client, parts.hostname or "", parts.port or 80))[0] for _ in range(connections)
    ]
    await asyncio.wait_for(done, 60)
    for transport in opened:
        transport.close()
    return locations


MESSAGE = request("POST", "/predict", ROW)
