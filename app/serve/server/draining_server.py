"""uvicorn's server, which stops without a client's notice."""

from __future__ import annotations

import socket

from uvicorn.config import Config
from uvicorn.server import Server

from app.serve.asgi import STOP_WAITING
from app.serve.server.protocol import State


class DrainingServer(Server):
    """The server of one process.

    On a reload the old processes stop as soon as the new ones are forked: until these accept, connections wait in the
    backlog of the listening socket, which the master keeps open.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.server_state = self._state = State()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Have long waits answered now, and let each connection end with an answer."""
        self._state.draining = True
        if stop_waiting := self.lifespan.state.get(STOP_WAITING):
            stop_waiting()
        await super().shutdown(sockets)
