"""How gunicorn serves `app:api`: uvicorn's protocol (httptools, uvloop) under gunicorn's process manager.

Chosen by measurement: the native `asgi` worker loses keep-alive connections with its C parser, is a quarter slower with
its Python parser, and waits all of `graceful_timeout` for idle connections (nginx keeps some open) when it is stopped.
Every setting can be overridden on the command line or in GUNICORN_CMD_ARGS.
"""

from __future__ import annotations

import gc
import mmap
import os
import signal
import sys
from pathlib import Path

from gunicorn.arbiter import Arbiter

sys.path.insert(0, str(Path(__file__).resolve().parent))  # gunicorn puts the project on the path only after this

from app.serve.server.draining_server import mark, unmark
from app.serve.server.gunicorn_logger import GunicornLogger
from app.serve.server.gunicorn_worker import GunicornWorker, settings_problems
from app.settings import SettingsError, load
from app.telemetry.multiprocess import MetricsDir

_problems: list[str] = []


def number(variable: str, default: int, largest: int) -> int:
    """Return the whole number in an environment variable; note a problem when it isn't one from 1 to `largest`."""
    text = os.environ.get(variable) or str(default)
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= largest:
        return int(text)
    _problems.append(f"{variable}: expected a whole number from 1 to {largest}, got {text!r}")
    return default


def on_starting(server: Arbiter) -> None:
    """Stop the start, before a port is opened or a worker forked, with every bad setting listed."""
    try:
        load()
    except SettingsError as error:
        _problems.extend(str(error).splitlines())
    if _problems:
        sys.exit(settings_problems(_problems))
    # kept on what outlives a reload of this file
    server.first, server.own_end = os.pipe()
    os.write(server.own_end, b"1")
    # memory that all processes share, with a mark for each that starts: on a reload gunicorn stops the old ones as soon
    # as it has forked the new, long before those accept connections
    server.starting = mmap.mmap(-1, mmap.PAGESIZE)
    server.numbers = MetricsDir.make()


def pre_fork(server: Arbiter, worker: GunicornWorker) -> None:
    """Mark the process as one that starts."""
    server.numbers.assign(worker.age)
    mark(server.starting, worker.age)


def worker_exit(server: Arbiter, worker: GunicornWorker) -> None:
    """Let nobody wait for a process that gave up; it says so itself."""
    unmark(server.starting, worker.age)


def child_exit(server: Arbiter, worker: GunicornWorker) -> None:
    """Let nobody wait for a process that was killed, and settle what it counted; gunicorn's master says so."""
    unmark(server.starting, worker.age)
    server.numbers.release(worker.age)


def on_exit(server: Arbiter) -> None:
    """Leave nothing behind."""
    if numbers := getattr(server, "numbers", None):
        numbers.remove()


def post_fork(server: Arbiter, worker: GunicornWorker) -> None:
    """Let a process that still starts be stopped: it inherits handlers that only note the signal for its parent."""
    worker.first = server.first
    worker.starting = server.starting
    os.close(server.own_end)
    for number in GunicornWorker.SIGNALS:
        signal.signal(number, signal.SIG_DFL)


worker_class = GunicornWorker
logger_class = GunicornLogger
# A word in WEB_CONCURRENCY never gets here: gunicorn reads it too, at its import, and ends with its own traceback.
workers = number("WEB_CONCURRENCY", default=2, largest=1024)
bind = f"0.0.0.0:{number('PORT', default=5000, largest=65535)}"
backlog = 2048
# Longer than the 60 s for which nginx keeps an idle upstream connection: the side that speaks first must hang up first.
keepalive = 75
# The heart beats from the event loop, whatever runs in the threads; only a loop that is stuck for a minute is replaced.
timeout = 60
graceful_timeout = 30
# The heartbeat file belongs in memory: on a slow disk its fchmod would stall the loop, on a read-only root it can't be.
_memory = "/dev/shm"  # noqa: S108  gunicorn makes its file there safely
worker_tmp_dir = _memory if os.access(_memory, os.W_OK | os.X_OK) else None
# gunicorn would open a socket for its control tool under $HOME, which a container's user doesn't have.
control_socket_disable = True
# Whose X-Forwarded-* headers are believed; behind a proxy on another host, set FORWARDED_ALLOW_IPS.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS") or "127.0.0.1,::1"
# Access is nginx's to log; `--access-logfile -` turns it on here too, without query strings.
accesslog = None
errorlog = "-"
loglevel = "info"


def post_worker_init(worker: GunicornWorker) -> None:  # noqa: ARG001  gunicorn's signature
    """Keep what was loaded out of the garbage collector's sight: it stays, and looking through it costs."""
    gc.collect()
    gc.freeze()
