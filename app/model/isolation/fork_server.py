"""The process that forks a child for each call. It loads what all calls need first, other libraries while it is idle.

`isolated_calls` starts it and sends it a socket for each call, over its standard input. It ends with the process that
started it, or when it was idle for long. It never runs a call itself, and has a single thread.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Container, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from app.errors import Failure, TrinityError
from app.model.isolation.child import enter_child
from app.model.progress import reporting
from app.schemas.decoding import decode_json

IDLE_S = 300.0  # after so long without a call the process ends; the next call starts another
MAX_MESSAGE_CHARACTERS = 1000
STDERR = 2


class IsolatedCall(msgspec.Struct):
    """A function to call in a child, and the limits of the child."""

    target: str
    """`module:function`; it takes the arguments by name, and returns JSON values."""
    arguments: dict[str, Any]
    memory_bytes: int
    """Beyond the memory of the libraries."""
    time_s: float
    file_bytes: int = 0
    """The largest file that it may write."""


class Reply(msgspec.Struct, omit_defaults=True):
    """The result of a call, or its error."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    failure: Failure | None = None
    raised: str = ""
    """The name of a foreign error, and its message."""
    place: str = ""
    """Where that was raised: the file, the line and the function."""


class Progress(msgspec.Struct, omit_defaults=True):
    """The progress of a running call: the arguments of `app.model.progress.report`."""

    progress: list[Any] = []


class Ended(msgspec.Struct):
    """How a child ended: by an exit code, or by a signal, whose number is then below zero."""

    code: int


class _Children:
    """The children that run, each with the socket of its call."""

    def __init__(self, events: select.poll) -> None:
        self._events = events
        self._sockets: dict[int, socket.socket] = {}

    def __bool__(self) -> bool:
        return bool(self._sockets)

    def fork(self, connection: socket.socket, control: socket.socket) -> None:
        """Run the call from a socket in a child."""
        gc.freeze()  # a collection in the child would copy the pages of all present objects
        pid = os.fork()
        if not pid:
            _run(connection, [control, *self._sockets.values()])
        self._sockets[pid] = connection
        self._events.register(connection, 0)  # the closing of the other end is always reported

    def end_unwanted(self, ready: Container[int]) -> None:
        """End children whose caller has closed its socket."""
        for pid, connection in self._sockets.items():
            if connection.fileno() in ready:
                os.kill(pid, signal.SIGKILL)
                self._events.unregister(connection)

    def reap(self) -> None:
        """Report how each ended child ended."""
        while self._sockets:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            connection = self._sockets.pop(pid)
            with suppress(KeyError):  # its caller has closed the socket
                self._events.unregister(connection)
            with connection, suppress(OSError):  # the other end may be closed
                connection.sendall(msgspec.json.encode(Ended(os.waitstatus_to_exitcode(status))) + b"\n")

    def end_all(self) -> None:
        """End all."""
        for pid in self._sockets:
            os.kill(pid, signal.SIGKILL)


def serve(
    control: socket.socket, needed: Sequence[str] = (), libraries: Sequence[str] = (), idle_s: float = IDLE_S
) -> None:
    """Fork a child for each socket that comes, until no more can come. A child whose caller closed its socket is ended.

    `needed` is loaded before the first child, so that no call's time and memory are used for it. The installed
    libraries follow while the process is idle.
    """
    for library in needed:
        preload(library)
    waiting = list(libraries)
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it goes to all processes of a terminal
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    events = select.poll()
    for descriptor in (control.fileno(), woken):
        events.register(descriptor, select.POLLIN)
    children = _Children(events)
    while True:
        wait_s = None if children else 0 if waiting else idle_s
        ready = {found for found, _ in events.poll(wait_s and 1000 * wait_s)}
        if not ready and waiting:
            preload(waiting.pop(0))
            continue
        if not ready:
            break
        if woken in ready:
            os.read(woken, 4096)
            children.reap()
        children.end_unwanted(ready)
        if control.fileno() in ready:
            marker, descriptors, *_ = socket.recv_fds(control, 1, 1)
            if not marker:  # the process that started this one has ended
                break
            children.fork(socket.socket(fileno=descriptors[0]), control)
    children.end_all()


def preload(library: str) -> None:
    """Import a module, and call a function of it if named, `module:function`; ignore failures."""
    module, _, function = library.partition(":")
    with suppress(Exception):  # a module whose system library is missing may raise anything
        loaded = importlib.import_module(module)
        if function:
            getattr(loaded, function)()


def _run(connection: socket.socket, others: list[socket.socket]) -> NoReturn:
    """Run one call in the child, and end the process."""
    code = 1
    enter_child()
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        for other in others:
            other.close()
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):  # native libraries write to them when they abort
            os.dup2(silence, stream)
        with connection.makefile("rb") as file:
            call = decode_json(file.readline(), IsolatedCall)
        _limit(call)
        with reporting(lambda *said: connection.sendall(msgspec.json.encode(Progress(list(said))) + b"\n")):
            reply = _replied(call)
        connection.sendall(msgspec.json.encode(reply) + b"\n")
        code = 0
    finally:
        os._exit(code)  # the child must not run the parent's cleanup


def _limit(call: IsolatedCall) -> None:
    """Set the limits of this process; when its time is over, a signal ends it at any point.

    A call within a call has the bounds of both.
    """
    seconds = max(1, round(call.time_s))
    signal.setitimer(signal.ITIMER_REAL, call.time_s)
    _bound(resource.RLIMIT_CPU, seconds, seconds + 1)
    _bound(resource.RLIMIT_CORE, 0, 0)
    _bound(resource.RLIMIT_FSIZE, call.file_bytes, call.file_bytes)
    with suppress(FileNotFoundError):  # without /proc there is no such limit
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        allowed = pages * resource.getpagesize() + call.memory_bytes
        _bound(resource.RLIMIT_AS, allowed, allowed)


def _bound(which: int, soft: int, hard: int) -> None:
    """Set a limit, but not above the present one: only root may raise it."""
    there = resource.getrlimit(which)[1]
    if there != resource.RLIM_INFINITY:
        soft, hard = min(soft, there), min(hard, there)
    resource.setrlimit(which, (soft, hard))


def _replied(call: IsolatedCall) -> Reply:
    module, _, name = call.target.partition(":")
    try:
        result = getattr(importlib.import_module(module), name)(**call.arguments)
        return Reply(msgspec.Raw(msgspec.json.encode(result)))
    except TrinityError as error:
        return Reply(failure=error.failure())
    except MemoryError:
        return Reply(raised="MemoryError: ")
    except Exception as error:  # noqa: BLE001  the call is of code that may raise anything
        words = str(error)[:MAX_MESSAGE_CHARACTERS].encode("utf-8", "replace").decode()
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{last.filename}:{last.lineno} in {last.name}"
        return Reply(raised=f"{type(error).__name__}: {words}", place=place)


def main() -> None:
    """Serve the calls that come over standard input; the arguments name what they need, and after -- the libraries."""
    for descriptor in [int(path.name) for path in Path("/dev/fd").iterdir()]:
        if descriptor > STDERR:  # libraries of the parent may have left some open for children
            with suppress(OSError):  # the listing's own descriptor is closed
                os.close(descriptor)
    end = sys.argv.index("--")
    serve(socket.socket(fileno=0), sys.argv[1:end], sys.argv[end + 1 :])


if __name__ == "__main__":
    main()
