"""How gunicorn serves `app:api`: uvicorn's protocol (httptools, uvloop) under gunicorn's process manager.

Chosen by measurement: the native `asgi` worker loses keep-alive connections with its C parser, is a quarter slower with
its Python parser, and waits all of `graceful_timeout` for idle connections (nginx keeps some open) when it is stopped.
Every setting can be overridden on the command line or in GUNICORN_CMD_ARGS.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import mmap
import os
import signal
import socket
import sys
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server, ServerState
from uvicorn_worker import UvicornWorker

MAX_HEAD_BYTES = 32 * 1024
HEAD_TIMEOUT_S = 30
DRAIN_S = 1.5  # how long a process that stops still waits for the next request of a connection
RELIEF_S = 10  # how long it waits before that for processes that start: longer, and new connections queue meanwhile
HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)

STARTING = b"\1"

_problems: list[str] = []


def number(variable: str, default: int, largest: int) -> int:
    """Return the whole number in an environment variable; note a problem when it isn't one from 1 to `largest`."""
    text = os.environ.get(variable) or str(default)
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= largest:
        return int(text)
    _problems.append(f"{variable}: expected a whole number from 1 to {largest}, got {text!r}")
    return default


class State(ServerState):
    """What the connections of one process know of it."""

    draining = False


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with bounds on the request line and headers, which httptools itself doesn't have.

    When the process stops, it says so in the next answer instead of hanging up: a client that is just sending its next
    request on an idle connection could not tell whether it was done (RFC 9112 §9.6).
    """

    server_state: State
    head_timeout_s: ClassVar[float] = HEAD_TIMEOUT_S
    _in_head = True
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()
        if self.server_state.draining:  # accepted before, made known only now
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._stop_head_timer()

    def on_message_begin(self) -> None:
        """Begin to count: what follows, up to the empty line, is a head."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop counting: what follows is a body, and bodies are bounded by the application."""
        self._in_head = False
        self._stop_head_timer()
        super().on_headers_complete()
        if self.server_state.draining:
            self.cycle.keep_alive = False

    def data_received(self, data: bytes) -> None:
        """Refuse a head that is still incomplete after MAX_HEAD_BYTES; see that none is awaited without end."""
        super().data_received(data)
        if self._idle():
            # uvicorn's own timer, which is for silence, has ended with this data
            if self._head_timer is None:
                self._await_head()
            if self.server_state.draining:
                self._await_more()
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.transport.write(HEAD_TOO_LARGE)
                self.transport.close()

    def shutdown(self) -> None:
        """Let the answer to the request at hand be the last, or wait a little for one; uvicorn would hang up."""
        self.timeout_keep_alive = DRAIN_S  # for what is answered already without a word of the end
        if self._idle():
            self._await_more()
        elif not self.cycle.response_started:
            self.cycle.keep_alive = False

    def _idle(self) -> bool:
        """Return whether no request is worked on; the head of one may have begun."""
        return self.cycle is None or self.cycle.response_complete

    def _await_more(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(DRAIN_S, self.timeout_keep_alive_handler)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout_s, self.timeout_keep_alive_handler)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing when a client offers another protocol (`curl --http2` does): it is answered in HTTP/1.1."""


class DrainingServer(Server):
    """uvicorn's server, leaving so that no client notices: relieved first, then draining."""

    def __init__(self, config: Config, starting: mmap.mmap, age: int) -> None:
        super().__init__(config)
        self.server_state = State()
        self._starting = starting
        self._age = age

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and let those leave whom this process relieves."""
        await super().startup(sockets)
        started(self._starting, self._age)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Go on until who starts can take over; then accept no more, have long waits answered, and drain."""
        clock = asyncio.get_running_loop().time
        end = clock() + RELIEF_S
        while self._starting.find(STARTING, 0) >= 0 and clock() < end:  # noqa: ASYNC110  set by other processes
            await asyncio.sleep(0.02)
        self.server_state.draining = True
        if stop_waiting := getattr(self.config.app, "stop_waiting", None):
            stop_waiting()
        await super().shutdown(sockets)


def without_query(record: logging.LogRecord) -> bool:
    """Cut the query from the path, the third argument of uvicorn's access log line: it may hold a caller's data."""
    if isinstance(record.args, tuple):
        client, method, path, *rest = record.args
        record.args = (client, method, str(path).partition("?")[0], *rest)
    return True


class Worker(UvicornWorker):
    """One serving process: an event loop, which also sends the heartbeat, so a long fit in a thread never costs it."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "http": BoundedProtocol,
        "loop": "uvloop",
        "ws": "none",
        "lifespan": "on",
        "server_header": False,
    }
    first: int  # the end of the pipe that holds one byte for all processes, see on_starting
    starting: mmap.mmap  # see on_starting

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Shorter than the time after which gunicorn kills, so that the application's shutdown always runs.
        self.config.timeout_graceful_shutdown = max(1, self.cfg.graceful_timeout - 2)
        logging.getLogger("uvicorn.access").addFilter(without_query)
        # gunicorn already says what starts and stops.
        logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, self.log.error_log.level))
        # uvicorn closes the listening socket first, and gunicorn would report that its own attempt fails.
        self.log.error_log.addFilter(lambda record: not str(record.msg).startswith("Error while closing socket"))

    def load_wsgi(self) -> None:
        """Load the application; what only it can find wrong in the settings stops the server, without a traceback."""
        from app.settings import SettingsError  # noqa: PLC0415  gunicorn has the project on its path only by now

        try:
            super().load_wsgi()
        except SettingsError as error:
            # Who reads the one byte ends the server; gunicorn prints a traceback when a second process ends so while it
            # already stops. The others wait here until they are stopped, or gunicorn's end of the pipe is closed.
            if not os.read(self.first, 1):
                sys.exit()
            self.log.error("%s", wrong(str(error).splitlines()))  # noqa: TRY400  no traceback, as said
            sys.exit(Arbiter.APP_LOAD_ERROR)

    async def _serve(self) -> None:
        """Do as the base class does, with a server that drains."""
        self.config.app = self.wsgi
        self._install_sigquit_handler()
        server = DrainingServer(self.config, self.starting, self.age)
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ARG002  gunicorn's signature
        """Leave on SIGQUIT, which gunicorn sends on its own SIGINT; the base class notes it and waits to be killed."""
        os.kill(os.getpid(), signal.SIGTERM)


def wrong(problems: list[str]) -> str:
    """Put problems into words, one a line."""
    return "\n".join(["Trinity can't start, these settings are wrong:", *(f"  {line}" for line in problems)])


def on_starting(server: Arbiter) -> None:
    """Stop the start, before a port is opened or a worker forked, with every bad setting listed."""
    from app.settings import SettingsError, load  # noqa: PLC0415  see load_wsgi

    try:
        load()
    except SettingsError as error:
        _problems.extend(str(error).splitlines())
    if _problems:
        sys.exit(wrong(_problems))
    # kept on what outlives a reload of this file
    server.first, server.own_end = os.pipe()
    os.write(server.own_end, b"1")
    # memory that all processes share, with a mark for each that starts: on a reload gunicorn stops the old ones as soon
    # as it has forked the new, long before those accept connections
    server.starting = mmap.mmap(-1, mmap.PAGESIZE)


def started(starting: mmap.mmap, age: int) -> None:
    """Take away the mark of a process: it accepts connections, or never will."""
    starting[age % len(starting)] = 0


def pre_fork(server: Arbiter, worker: Worker) -> None:
    """Mark the process as one that starts."""
    server.starting[worker.age % len(server.starting)] = ord(STARTING)


def worker_exit(server: Arbiter, worker: Worker) -> None:
    """Let nobody wait for a process that gave up; it says so itself."""
    started(server.starting, worker.age)


def child_exit(server: Arbiter, worker: Worker) -> None:
    """Let nobody wait for a process that was killed; gunicorn's master says so."""
    started(server.starting, worker.age)


def post_fork(server: Arbiter, worker: Worker) -> None:
    """Let a process that still starts be stopped: it inherits handlers that only note the signal for its parent."""
    worker.first = server.first
    worker.starting = server.starting
    os.close(server.own_end)
    for number in Worker.SIGNALS:
        signal.signal(number, signal.SIG_DFL)


worker_class = Worker
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


def post_worker_init(worker: Worker) -> None:  # noqa: ARG001  gunicorn's signature
    """Keep what was loaded out of the garbage collector's sight: it stays, and looking through it costs."""
    gc.collect()
    gc.freeze()
