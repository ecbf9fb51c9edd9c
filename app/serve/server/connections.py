"""What the connections of one process know of it, and how much of each is read."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import sys
import termios
from collections.abc import Container, Sized

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.server import ServerState


class State(ServerState):
    """What the connections of one process know of it."""

    draining = False
    trusted_peers: Container[str | None] = ()
    """The addresses of the proxies that are believed."""


def unread_bytes(peer: socket.socket) -> int:
    """Return how much the system has received and nobody read."""
    return int.from_bytes(fcntl.ioctl(peer.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)


class PipelineFlow(FlowControl):
    """Reads no more while requests wait in the pipeline; uvicorn reads on, and holds all that comes."""

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        """Read on, unless requests wait."""
        if not self._pipeline:
            super().resume_reading()
