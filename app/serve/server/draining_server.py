"""uvicorn's server, leaving so that no client notices: relieved first, then draining."""

from __future__ import annotations

import asyncio
import mmap
import socket

from uvicorn.config import Config
from uvicorn.server import Server

from app.serve.asgi import STOP_WAITING
from app.serve.server.protocol import State

RELIEF_S = 10  # how long a process that stops waits for those that start: longer, and new connections queue meanwhile
STARTING = 1


def mark(starting: mmap.mmap, age: int) -> None:
    """Note in the memory that all processes share that one starts; `age` is its number."""
    starting[age % len(starting)] = STARTING


def unmark(starting: mmap.mmap, age: int) -> None:
    """Take away the mark of a process: it accepts connections, or never will."""
    starting[age % len(starting)] = 0


class DrainingServer(Server):
    """One serving process's server; `starting` is what `mark` marks, `age` this process's number."""

    def __init__(self, config: Config, starting: mmap.mmap, age: int) -> None:
        super().__init__(config)
        self.server_state = self._state = State()
        self._starting = starting
        self._age = age

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and let those leave whom this process relieves."""
        await super().startup(sockets)
        unmark(self._starting, self._age)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Go on until who starts can take over; then accept no more, have long waits answered, and drain."""
        clock = asyncio.get_running_loop().time
        end = clock() + RELIEF_S
        while self._starting.find(bytes([STARTING]), 0) >= 0 and clock() < end:  # noqa: ASYNC110  set by other processes
            await asyncio.sleep(0.02)
        self._state.draining = True
        if stop_waiting := self.lifespan.state.get(STOP_WAITING):
            stop_waiting()
        await super().shutdown(sockets)
