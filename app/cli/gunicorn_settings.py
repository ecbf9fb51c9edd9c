"""How gunicorn serves `app:api`: uvicorn's protocol (httptools, uvloop) under gunicorn's process manager.

Chosen by measurement: the native `asgi` worker loses keep-alive connections with its C parser, is a quarter slower with
its Python parser, and waits all of `graceful_timeout` for idle connections (nginx keeps some open) when it is stopped.
Every setting can be overridden on the command line or in GUNICORN_CMD_ARGS.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

from gunicorn.arbiter import Arbiter

from app.bootstrap import build, check_routes, load_web_modules
from app.serve.server.addresses import LOOPBACK, address, open_addresses
from app.serve.server.gunicorn_logger import GunicornLogger
from app.serve.server.gunicorn_worker import GunicornWorker
from app.serve.server.startup_check import problems, report
from app.settings import Settings, SettingsError, load
from app.telemetry.multiprocess import MetricsDir

WHO_MAY = "everybody who reaches this server may fit and predict; HOST=127.0.0.1 serves this machine only"
_problems: list[str] = []


def number(variable: str, default: int, largest: int) -> int:
    """Return the whole number in an environment variable; note a problem when it isn't one from 1 to `largest`."""
    text = os.environ.get(variable) or str(default)
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= largest:
        return int(text)
    _problems.append(f"{variable}: expected a whole number from 1 to {largest}, got {text!r}")
    return default


def exclude_from_collection() -> None:
    """Exclude all loaded objects from garbage collection: they stay, and scanning them takes time and copies pages."""
    gc.collect()
    gc.freeze()


def build_parts(settings: Settings) -> None:
    """Build the application as each process does; raise SettingsError."""
    components = build(settings)
    components.check_store()
    if settings.routes:
        check_routes(components)


def on_starting(server: Arbiter) -> None:
    """Load what all processes need; stop the start before a port is opened, with every bad setting listed."""
    try:
        settings = load()
    except SettingsError as error:
        sys.exit(report([*_problems, *str(error).splitlines()]))
    load_web_modules(settings.mode)
    exclude_from_collection()
    if found := _problems + problems(lambda: build_parts(settings)):
        sys.exit(report(found))
    if settings.api_keys is None and (wide := open_addresses(server.cfg.address)):
        server.log.warning("listening on %s without TRINITY_API_KEYS: %s", ", ".join(wide), WHO_MAY)
    server.metrics = MetricsDir.make()  # on the arbiter, which outlives a reload of this file


def pre_fork(server: Arbiter, worker: GunicornWorker) -> None:
    """Assign a slot for its metrics to the process."""
    server.metrics.assign(worker.age)


def child_exit(server: Arbiter, worker: GunicornWorker) -> None:
    """Keep the counts of a process that has ended."""
    server.metrics.release(worker.age)


def on_exit(server: Arbiter) -> None:
    """Remove the folder of the metrics."""
    if metrics := getattr(server, "metrics", None):  # missing if the start was stopped
        metrics.remove()


def post_fork(server: Arbiter, worker: GunicornWorker) -> None:  # noqa: ARG001  gunicorn's signature
    """Let signals stop a process that is still starting: the inherited handlers only record signals for the parent."""
    for each in GunicornWorker.SIGNALS:
        signal.signal(each, signal.SIG_DFL)


worker_class = GunicornWorker
logger_class = GunicornLogger
# A word in WEB_CONCURRENCY never gets here: gunicorn reads it too, at its import, and ends with its own traceback.
workers = number("WEB_CONCURRENCY", default=2, largest=1024)
bind = address(os.environ.get("HOST") or LOOPBACK, number("PORT", default=5000, largest=65535))
backlog = 2048
# Longer than the 60 s for which nginx keeps an idle upstream connection: the client side must close it first.
keepalive = 75
# The heartbeat comes from the event loop, not from threads; a process is replaced only if its loop hangs for a minute.
timeout = 60
graceful_timeout = 30
# The heartbeat file belongs in memory: on a slow disk its fchmod would stall the loop, on a read-only root it can't be.
_memory = "/dev/shm"  # noqa: S108  gunicorn makes its file there safely
worker_tmp_dir = _memory if os.access(_memory, os.W_OK | os.X_OK) else None
# gunicorn would open a socket for its control tool below $HOME; a container's user doesn't have that folder.
control_socket_disable = True
# The proxies whose X-Forwarded-* headers are trusted; for a proxy on another host, set FORWARDED_ALLOW_IPS.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS") or "127.0.0.1,::1"
# nginx logs access; `--access-logfile -` turns it on here too, without query strings.
accesslog = None
errorlog = "-"
loglevel = "info"


def post_worker_init(worker: GunicornWorker) -> None:  # noqa: ARG001  gunicorn's signature
    """Exclude the objects of the built application from garbage collection, too."""
    exclude_from_collection()
