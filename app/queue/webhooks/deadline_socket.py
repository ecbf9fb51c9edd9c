"""A connection that is used until a moment and no longer, whatever the peer does, and reads so many bytes at most."""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Sequence
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class SocketDeadline:
    """A moment on the monotonic clock."""

    def __init__(self, timeout_s: float) -> None:
        self._at_s = time.monotonic() + timeout_s

    def left_s(self) -> float:
        """Return the seconds until then, more than none; raise TimeoutError."""
        left_s = self._at_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("out of time")
        return left_s


class DeadlineSocket:
    """A socket under a deadline: as much of one as http.client asks for.

    A socket's own timeout begins anew with each piece, so that a peer which trickles bytes could hold on for ever.
    """

    def __init__(self, sock: socket.socket, deadline: SocketDeadline, most_bytes: int) -> None:
        self._sock = sock
        self._deadline = deadline
        self._most_bytes = most_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._sock.close()

    def sendall(self, data: bytes) -> None:
        """Send all of the data; raise OSError, TimeoutError when it isn't done in time."""
        rest = memoryview(data)
        while rest:
            self._sock.settimeout(self._deadline.left_s())
            rest = rest[self._sock.send(rest) :]

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002  http.client's call
        """Return what the peer sends as a file, which ends when as many bytes were read as may be."""
        return io.BufferedReader(_Received(self._sock, self._deadline, self._most_bytes))

    def close(self) -> None:
        """Do nothing: http.client lets go of the socket while the answer is still to be read."""


class _Received(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: SocketDeadline, most_bytes: int) -> None:
        super().__init__()
        self._sock = sock
        self._deadline = deadline
        self._room = most_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        piece = memoryview(buffer)[: self._room]
        if not piece:
            return 0
        self._sock.settimeout(self._deadline.left_s())
        count = self._sock.recv_into(piece)
        self._room -= count
        return count


def connect(places: Sequence[tuple[socket.AddressFamily, Any]], deadline: SocketDeadline) -> socket.socket:
    """Connect to the first of the addresses that answers, each within its share of the time; raise OSError."""
    failure: OSError = OSError("there is no address")
    for tried, (family, place) in enumerate(places):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(deadline.left_s() / (len(places) - tried))
            sock.connect(place)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def secured(sock: socket.socket, host: str, deadline: SocketDeadline) -> socket.socket:
    """Return the socket behind TLS, its peer's certificate checked against the host; raise OSError."""
    try:
        sock.settimeout(deadline.left_s())
        return _tls().wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise


@cache
def _tls() -> ssl.SSLContext:
    """Return the system's own idea of whom to trust; loading it takes longer than a handshake."""
    return ssl.create_default_context()
