"""taskiq: its list broker and result backend; submitted by tasks of one event loop, as its client is made for."""

import asyncio

import uvloop
from redis import Redis
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

from tests.bench.references.work import BODY, URL, prediction

DATABASE = 5
COMMAND = ("taskiq", "worker", f"{__name__}:broker", "--workers", "2", "--log-level", "ERROR")
RESULTS = "reference-results"
REDIS = f"{URL}/{DATABASE}"
broker = ListQueueBroker(REDIS, max_connection_pool_size=1000).with_result_backend(
    RedisAsyncResultBackend(REDIS, prefix_str=RESULTS)
)


@broker.task
async def predict(body: str) -> list[float]:
    """Predict; taskiq stores what is returned."""
    return prediction(body)


def submit(jobs: int, connections: int) -> None:
    """Queue the jobs from so many tasks, each with a connection of its own."""
    uvloop.run(_submit(jobs, connections))


def results(redis: Redis) -> int:
    """Return how many results are stored: all keys but the queue's, which may go between the two calls."""
    queues = int(redis.exists("taskiq"))  # type: ignore[arg-type]
    return int(redis.dbsize()) - queues  # type: ignore[arg-type]


def read(redis: Redis) -> int:
    """Read all results; return how many there are."""
    return len(redis.mget(_keys(redis)))  # type: ignore[arg-type]


def _keys(redis: Redis) -> list[bytes]:
    return list(redis.scan_iter(f"{RESULTS}:*", 10_000))


async def _submit(jobs: int, connections: int) -> None:
    left = iter(range(jobs))

    async def some() -> None:
        for _ in left:
            await predict.kiq(BODY)

    await broker.startup()
    await asyncio.gather(*(some() for _ in range(connections)))
    await broker.shutdown()
