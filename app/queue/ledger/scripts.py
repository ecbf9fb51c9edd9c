"""Runs the ledger's Lua scripts, one for each transition. Redis runs a script as one atomic step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.errors import Unavailable
from app.queue.ledger.error_log import ThrottledErrorLog
from app.schemas.verbs import VERBS

FOLDER = Path(__file__).with_name("scripts")
ADDING = {"accept", "retry"}  # a full ledger refuses these; all others still run, so its jobs can be finished
TIMEOUT_S = 0.9  # in a web process: with one retry an outage is reported within two seconds
WORKER_TIMEOUT_S = 5.0

_error_log = ThrottledErrorLog()  # one for all clients of a process


class LedgerUnavailable(Unavailable):
    """The ledger's Redis doesn't answer, or refuses to write."""


class Scripts:
    """Calls the scripts by name."""

    def __init__(self, redis: Redis) -> None:
        paths = [path for path in FOLDER.glob("*.lua") if path.stem != "common"]
        self._scripts = {path.stem: redis.register_script(_text(path)) for path in paths}

    def __call__(self, name: str, *arguments: Any) -> Any:
        """Run a script and return what it returned; raise LedgerUnavailable."""
        with redis_errors():
            return self._scripts[name](args=arguments)


def connect(url: str, timeout_s: float = TIMEOUT_S) -> Redis:
    """Return a client of the ledger's Redis; it connects at its first command, and not before.

    A command without an answer is sent once more: scripts may run twice and have their effect once.
    """
    retry = Retry(NoBackoff(), 1)
    return Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=retry)


@contextmanager
def redis_errors() -> Iterator[None]:
    """Raise LedgerUnavailable for any error of Redis; its cause goes to the log."""
    try:
        yield
    except RedisError as error:
        _error_log.log(error)
        raise LedgerUnavailable(f"a command to the ledger failed ({type(error).__name__}); try again") from error


def _text(path: Path) -> str:
    head = "" if path.stem in ADDING else "#!lua flags=allow-oom\n"
    head += f"local VERBS = {{{', '.join(repr(verb) for verb in VERBS)}}}\n"
    return head + (FOLDER / "common.lua").read_text(encoding="utf-8") + path.read_text(encoding="utf-8")
