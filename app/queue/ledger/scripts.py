"""The ledger's Redis: its keys, its Lua scripts, and its errors. Redis runs a script as one atomic step."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import getLogger
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.errors import Unavailable
from app.schemas.verbs import VERBS

logger = getLogger(__name__)

# The keys that Python reads. common.lua has the same ones, and the scripts write them.
JOB = "trinity:job:"
GONE = "trinity:gone:"
LANE = "trinity:lane:"
JOBS = "trinity:jobs"
LEASES = "trinity:leases"
CHANNEL = "trinity:events"

FOLDER = Path(__file__).with_name("scripts")
ADDING = {"accept", "retry"}  # a full ledger refuses these; all others still run, so its jobs can be finished
TIMEOUT_S = 0.9  # in a web process: with one retry an outage is reported within two seconds
WORKER_TIMEOUT_S = 5.0
LOG_EVERY_S = 1.0
MAX_CHARACTERS = 300
_URL = re.compile(r"(?<=://)\S*@")  # up to the last @, for a password may hold one
_QUOTED = re.compile(r"""(['"]).*\1""")


class LedgerUnavailable(Unavailable):
    """The ledger's Redis doesn't respond, or refuses to write."""


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


class ThrottledErrorLog:
    """Logs why a command to the ledger failed, at most once a second. All threads of a process share one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._quiet_until_s = clock()

    def log(self, error: Exception) -> None:
        """Log an error, unless another was logged within the last second."""
        with self._lock:
            now_s = self._clock()
            if now_s < self._quiet_until_s:
                return
            self._quiet_until_s = now_s + LOG_EVERY_S
        logger.warning("a command to the ledger failed: %s: %s", type(error).__name__, redacted(error))


def redacted(error: Exception) -> str:
    """Return an error's text in one line, without quoted parts, which may be data, and without passwords in URLs."""
    text = " ".join(str(error).split())
    return _QUOTED.sub("'…'", _URL.sub("***@", text))[:MAX_CHARACTERS]


_error_log = ThrottledErrorLog()


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
