"""dramatiq: its Redis broker and result backend; submitted from threads, because its client is synchronous."""

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from redis import Redis

from tests.bench.references.work import BODY, URL, from_threads, prediction

DATABASE = 4
COMMAND = ("dramatiq", __name__, "--processes", "2")
RESULTS = "reference-results"
REDIS = f"{URL}/{DATABASE}?max_connections=1000"
broker = RedisBroker(url=REDIS)
broker.add_middleware(Results(backend=RedisBackend(url=REDIS, namespace=RESULTS, use_namespace_prefix_keys=True)))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def predict(body: str) -> list[float]:
    """Predict; dramatiq stores what is returned."""
    return prediction(body)


def submit(jobs: int, connections: int) -> None:
    """Queue the jobs from so many threads."""
    from_threads(lambda: predict.send(BODY), jobs, connections)


def results(redis: Redis) -> int:
    """Return how many results are stored, once no message is left: a message goes after its result is stored."""
    return 0 if redis.exists("dramatiq:default", "dramatiq:default.msgs") else len(_keys(redis))


def read(redis: Redis) -> int:
    """Read all results; return how many there are."""
    pipe = redis.pipeline(transaction=False)
    for key in _keys(redis):
        pipe.lindex(key, 0)
    return sum(value is not None for value in pipe.execute())


def _keys(redis: Redis) -> list[bytes]:
    return list(redis.scan_iter(f"{RESULTS}:*", 10_000))
