"""Queued predictions of one row, from the POST to the stored result, every commit on disk; beside plain Celery."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop
from redis import Redis

from tests.bench.http import Connection, request
from tests.bench.plain_celery import plain_celery_jobs_per_s
from tests.bench.report import Figure, in_turn, progress, ratio
from tests.bench.servers import trinity
from tests.support.servers import Server, until, valkey, worker

JOBS, CONNECTIONS, ROUNDS = 10_000, 500, 3
ROW = b'{"data":{"X":[[0.5]]}}'
TARGET = 3_000


def run() -> list[Figure]:
    """At least 3,000 jobs a second, by a worker of two processes; plain Celery does the same work on the same Redis."""
    progress(f"  {JOBS} jobs over {CONNECTIONS} connections, fsync on every commit")
    with tempfile.TemporaryDirectory(prefix="trinity-bench-") as name, valkey(Path(name), fsync="always") as redis:
        folder = Path(name)
        urls = {"TRINITY_BROKER_URL": f"{redis.url}/1", "TRINITY_LEDGER_URL": f"{redis.url}/0"}
        env = {
            "TRINITY_MODE": "async",
            "TRINITY_STORE": str(folder / "store"),
            "TRINITY_MAX_PENDING": "1000000",
            **urls,
        }
        ledger = Redis.from_url(f"{redis.url}/0")
        with trinity(**env) as web, worker(folder, **env):
            _fit(web)
            _jobs_per_s(web, ledger, JOBS // 10)
            ours, plain = in_turn(
                ROUNDS,
                lambda: _jobs_per_s(web, ledger, JOBS),
                lambda: plain_celery_jobs_per_s(folder, f"{redis.url}/2", JOBS // 5),
            )
    fastest = sorted(ours)[len(ours) // 2]
    return [
        Figure(
            "queued predictions, 1 row",
            f"{fastest:,.0f} jobs/s end to end",
            f"plain Celery {sorted(plain)[len(plain) // 2]:,.0f}/s",
            ratio(ours, plain),
            f"≥ {TARGET:,}/s",
            fastest >= TARGET,
        )
    ]


def _fit(web: Server) -> None:
    with Connection(web.url) as connection:
        answer = connection.ask("POST", "/fit", b"", prefer="wait=30")
    if answer.status != 200:
        raise RuntimeError(f"/fit answered {answer.status}: {answer.body[:300]!r}")


def _jobs_per_s(web: Server, ledger: Redis, jobs: int) -> float:
    """The rate from the first POST to the last stored result; RuntimeError unless every job succeeded."""
    begin = time.perf_counter()
    places = uvloop.run(_submit(web.url, jobs))
    until(lambda: not ledger.zcard("trinity:lane:predict") and not ledger.zcard("trinity:leases"), "the results", 60)
    took_s = time.perf_counter() - begin
    pipe = ledger.pipeline()
    for place in places:
        pipe.hget(f"trinity:job:{place.rpartition('/')[2]}", "status")
    if len(places) != jobs or set(pipe.execute()) != {b"SUCCESS"}:
        raise RuntimeError("a job was not accepted, or failed")
    return jobs / took_s


async def _submit(url: str, jobs: int) -> list[str]:
    """Send the POSTs over many connections at once; return where each job is."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    places: list[str] = []
    left = iter(range(jobs - CONNECTIONS))

    class Client(asyncio.Protocol):
        """Asks, and asks again as soon as it is answered, while there is something left to ask."""

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
            places.append(fields.get(b"location", b"").decode())
            if next(left, None) is not None:
                self._transport.write(MESSAGE)
            elif len(places) == jobs:
                done.set_result(None)

    opened = [
        (await loop.create_connection(Client, parts.hostname or "", parts.port or 80))[0] for _ in range(CONNECTIONS)
    ]
    await asyncio.wait_for(done, 60)
    for transport in opened:
        transport.close()
    return places


MESSAGE = request("POST", "/predict", ROW)
