"""The servers that the benchmarks measure: Trinity and the bare callable, on the same gunicorn and settings."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.http import Connection
from tests.support.servers import Server, gunicorn_launch, served


@contextmanager
def trinity(**env: str) -> Iterator[Server]:
    """Trinity with a store of its own that is removed at the end; `env` are its settings."""
    with tempfile.TemporaryDirectory(prefix="trinity-bench-") as folder:
        store = {"TRINITY_STORE": str(Path(folder, "store"))}
        with gunicorn("app:api", Path(folder), **{**store, **env}) as server:
            yield server


@contextmanager
def bare(answer_bytes: int, app: str = "app") -> Iterator[Server]:
    """The bare callable (or the one that has the `whole` body), answering bodies of this size."""
    with tempfile.TemporaryDirectory(prefix="trinity-bench-") as folder:
        env = {"BENCH_ANSWER_BYTES": str(answer_bytes)}
        with gunicorn(f"tests.bench.bare:{app}", Path(folder), **env) as server:
            yield server


@contextmanager
def fastapi() -> Iterator[Server]:
    """FastAPI, which does what Trinity does for a prediction."""
    with (
        tempfile.TemporaryDirectory(prefix="trinity-bench-") as folder,
        gunicorn("tests.bench.fastapi_app:app", Path(folder)) as server,
    ):
        yield server


@contextmanager
def gunicorn(app: str, folder: Path, **env: str) -> Iterator[Server]:
    """Any ASGI application as users serve it."""
    with served("web", folder, lambda: gunicorn_launch(app, env)) as server:
        yield server


def post(url: str, path: str, body: bytes) -> bytes:
    """POST on a connection of its own; RuntimeError unless the answer is 200."""
    with Connection(url) as connection:
        answer = connection.ask("POST", path, body)
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}: {answer.body[:300]!r}")
    return answer.body
