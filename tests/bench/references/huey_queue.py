"""huey: messages in a list, results in a hash; submitted from threads, because its client is synchronous."""

from huey import RedisHuey
from redis import Redis

from tests.bench.references.work import BODY, URL, from_threads, prediction

DATABASE = 3
COMMAND = ("huey_consumer", f"{__name__}.huey", "-w", "2", "-k", "process", "-n", "-q")
huey = RedisHuey("reference", url=f"{URL}/{DATABASE}?max_connections=1000", results=True)


@huey.task()
def predict(body: str) -> list[float]:
    """Predict; huey stores what is returned."""
    return prediction(body)


def submit(jobs: int, connections: int) -> None:
    """Queue the jobs from so many threads."""
    from_threads(lambda: predict(BODY), jobs, connections)


def results(redis: Redis) -> int:
    """Return how many results are stored."""
    return int(redis.hlen("huey.results.reference"))  # type: ignore[arg-type]


def read(redis: Redis) -> int:
    """Read all results; return how many there are."""
    return len(redis.hvals("huey.results.reference"))  # type: ignore[arg-type]
