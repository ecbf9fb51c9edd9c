"""Calls functions in a child process under limits; the caller gets a result or an error, even if the child dies."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from app.errors import Failure, Invalid, Unavailable
from app.model.isolation.environment import short_environment
from app.model.isolation.fork_server import Ended, IsolatedCall, Progress, Reply
from app.model.progress import check_wanted, report
from app.schemas.decoding import decode_json

SLACK_S = 30.0  # added to the time of a call: for loading libraries, and for a slow machine
MAX_REPLY_BYTES = 64 * 1024**2
PIECE_BYTES = 256 * 1024
CHECK_S = 0.5  # during a silent call, how often to check whether its work is still needed
END_S = 1.0  # for the server to end by itself
END_POLL_S = 0.02
CRASHED = (
    "What reads it crashed over what is in there: it is damaged, or not what its library writes. "
    "Load it where it was made, and write it again with the versions of the libraries that this server has"
)
TOO_SLOW = "A smaller model may pass; who runs this server can allow more time (TRINITY_IMPORT_TIMEOUT)"
REMEDIES: Mapping[int, str] = {
    signal.SIGALRM: TOO_SLOW,
    signal.SIGXCPU: TOO_SLOW,
    signal.SIGKILL: "The system ended it, most likely for want of memory. Try again; a smaller model may pass",
}
_SERVER = "app.model.isolation.fork_server"
_SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]


class CallFailed(Exception):
    """A call did not return.

    `failure` is an error of Trinity that it raised, `raised` the name of any other, and `place` the location of that;
    `remedy` is advice if it ended its process.
    """

    def __init__(
        self, words: str, failure: Failure | None = None, raised: str = "", place: str = "", remedy: str = ""
    ) -> None:
        super().__init__(words)
        self.remedy = remedy
        self.failure = failure
        self.raised = raised
        self.place = place

    def refusal(self, what: str) -> Invalid:
        """Return the error for the sender of a file that was tried out; `what` describes its content."""
        if self.failure is not None:
            return Invalid(self.failure.detail, *self.failure.errors)
        remedy = f". {self.remedy}" if self.remedy else ""
        return Invalid.at("/file", f"{what} cannot be taken: when it was tried out, it {self}{remedy}")


class CallLimits(NamedTuple):
    """The limits of a child."""

    memory_bytes: int
    time_s: float
    file_bytes: int = 0


class IsolatedCalls:
    """Calls functions in children of a process that has the libraries `preload` loaded. Any thread may call.

    `preload` has modules, and functions that are called once, as `module:function`. Those that are `needed` are loaded
    before the first call begins, so that its limits apply only to its own work, also on a slow machine; the others
    while the process is idle.

    That process starts at the first call. Its children get only the arguments, as JSON, and the variables of
    `environment`, by default a short list of this process's variables without secrets. The progress of a call is
    reported in this process.
    """

    def __init__(
        self,
        limits: CallLimits,
        preload: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        needed: Sequence[str] = (),
    ) -> None:
        self._limits = limits
        self._loaded = [*needed, "--", *preload]
        self._environment = dict(short_environment(os.environ) if environment is None else environment)
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._finalizer: weakref.finalize[..., Any] | None = None

    def call(self, target: str, **arguments: Any) -> Any:
        """Return what a function returned, named as `module:function`; raise CallFailed, or Unavailable.

        It ends at once, with its child, when `check_wanted` raises.
        """
        check_wanted()
        message = msgspec.json.encode(IsolatedCall(target, arguments, *self._limits)) + b"\n"
        # the server may just have ended after it was idle for long: then a new one runs the call
        lines = self._exchange(message) or self._exchange(message)
        if not lines:
            raise Unavailable("the process for isolated calls was lost; try again")
        return self._result(lines)

    def _exchange(self, message: bytes) -> list[bytes]:
        """Run a call in a child; return its lines, none if the server was lost."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self._send(theirs)
            theirs.close()
            try:
                ours.sendall(message)
                return _read(ours, self._limits.time_s + SLACK_S)
            except (BrokenPipeError, ConnectionResetError):
                return []
            except OSError as error:
                raise Unavailable("the process for isolated calls does not answer; try again") from error

    def close(self) -> None:
        """End the process; calls that run there fail."""
        with self._lock:
            if self._finalizer is not None:
                self._finalizer()

    def _result(self, lines: Sequence[bytes]) -> Any:
        ended = decode_json(lines[-1], Ended)
        if ended.code or len(lines) == 1:
            raise CallFailed(self._end(ended.code), remedy=REMEDIES.get(-ended.code, CRASHED))
        reply = decode_json(lines[0], Reply)
        if reply.failure is not None:
            raise CallFailed(reply.failure.detail, reply.failure)
        if reply.raised.startswith("MemoryError"):
            raise CallFailed(f"needed more than {self._limits.memory_bytes} bytes")
        if reply.raised:
            raise CallFailed(f"raised {reply.raised}", None, reply.raised.partition(":")[0], reply.place)
        return msgspec.json.decode(reply.result)

    def _end(self, code: int) -> str:
        if -code in {signal.SIGALRM, signal.SIGXCPU}:
            return f"took too long ({self._limits.time_s:g} s are allowed in all, and less for its parts)"
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"ended the process ({name})"

    def _send(self, connection: socket.socket) -> None:
        """Send the socket of a call to the server; start the server if it is not running."""
        with self._lock:
            for _ in range(2):
                control = self._control or self._start()
                with suppress(OSError):
                    socket.send_fds(control, [b"1"], [connection.fileno()])
                    return
                if self._finalizer is not None:
                    self._finalizer()
                self._control = None
        raise Unavailable("the process for isolated calls cannot be started; try again")

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-m", _SERVER, *self._loaded],
                self._environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)],
                setsigdef=_SIGNALS,
                setsigmask=[],
            )
        self._control = ours
        self._finalizer = weakref.finalize(self, _end_server, ours, pid)
        return ours


def _end_server(control: socket.socket, pid: int) -> None:
    """Close the socket, so that the server ends; do not wait for a server that is loading a library."""
    control.close()
    with suppress(ChildProcessError, ProcessLookupError):  # this is a fork of the process that started it
        for _ in range(round(END_S / END_POLL_S)):
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
            time.sleep(END_POLL_S)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _read(connection: socket.socket, wait_s: float) -> list[bytes]:
    """Return the lines that a child and the server sent; report progress lines on arrival.

    Raise OSError if nothing arrives for `wait_s`.
    """
    lines: list[bytes] = []
    size = 0
    rest = bytearray()
    while piece := _received(connection, wait_s):
        *ends, last = piece.split(b"\n")
        for end in ends:
            line = bytes(rest + end)
            rest.clear()
            if said := _progress(line):
                report(*said)
            else:
                size += len(line)
                lines.append(line)
        rest += last
        if size + len(rest) >= MAX_REPLY_BYTES:
            raise OSError("the reply is too long")
    return lines


def _received(connection: socket.socket, wait_s: float) -> bytes:
    """Return the next piece, empty at the end; meanwhile raise the error that ends work that is no longer needed."""
    connection.settimeout(CHECK_S)
    ends_s = time.monotonic() + wait_s
    while True:
        try:
            return connection.recv(PIECE_BYTES)
        except TimeoutError:
            check_wanted()
            if time.monotonic() >= ends_s:
                raise


def _progress(line: bytes) -> list[Any]:
    """Return the progress in a line; None for other lines."""
    return decode_json(line, Progress).progress if line.startswith(b'{"progress"') else []
