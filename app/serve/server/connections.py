"""The state of one process that its connections share, and control of reading from them."""

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
    """The state of one process that its connections share."""

    draining = False
    trusted_peers: Container[str | None] = ()
    """The addresses of the trusted proxies."""


def unread_bytes(peer: socket.socket) -> int:
    """Return the number of bytes that the system has received and the process has not read."""
    return int.from_bytes(fcntl.ioctl(peer.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)


class PipelineFlow(FlowControl):
    """Stops reading while requests wait in the pipeline; uvicorn would keep reading, and hold everything in memory."""

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        """Continue reading, unless requests wait."""
        if not self._pipeline:
            super().resume_reading()
