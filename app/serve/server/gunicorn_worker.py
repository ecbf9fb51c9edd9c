"""gunicorn's worker process: uvicorn with the protocol of this package, and a server that drains."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from typing import Any, ClassVar, cast

from gunicorn.arbiter import Arbiter
from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

from app.serve.asgi import STOP_WAITING
from app.serve.server.connections import State
from app.serve.server.protocol import BoundedProtocol
from app.serve.server.startup_check import report
from app.settings import SettingsError


def without_query(record: logging.LogRecord) -> bool:
    """Remove the query, which may contain data, from the path, the third argument of uvicorn's access log line."""
    if isinstance(record.args, tuple):
        client, method, path, *rest = record.args
        record.args = (client, method, str(path).partition("?")[0], *rest)
    return True


class DrainingServer(Server):
    """uvicorn's server with a stop that no client notices.

    On a reload the old processes stop as soon as the new ones are forked. Until the new ones accept connections, these
    wait in the backlog of the listening socket, which the master keeps open.
    """

    server_state: State

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.server_state = State()
        # the same proxies whose X-Forwarded-For uvicorn trusts
        trusted: Any = ProxyHeadersMiddleware(cast("Any", config.app), config.forwarded_allow_ips).trusted_hosts
        self.server_state.trusted_peers = trusted

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer long waits now, and let each connection end with a response."""
        self.server_state.draining = True
        if stop_waiting := self.lifespan.state.get(STOP_WAITING):
            stop_waiting()
        await super().shutdown(sockets)


class GunicornWorker(UvicornWorker):  # type: ignore[misc]
    """One web process: its event loop also sends the heartbeat, so that a long fit in a thread does not delay it."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "http": BoundedProtocol,
        "loop": "uvloop",
        "ws": "none",
        "lifespan": "on",
        "server_header": False,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Shorter than the time after which gunicorn kills, so that the application's shutdown always runs.
        self.config.timeout_graceful_shutdown = max(1, self.cfg.graceful_timeout - 2)
        logging.getLogger("uvicorn.access").addFilter(without_query)
        # gunicorn already logs starts and stops.
        logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, self.log.error_log.level))
        # uvicorn closes the listening socket first; gunicorn would then report that it could not close it.
        self.log.error_log.addFilter(lambda record: not str(record.msg).startswith("Error while closing socket"))

    def load_wsgi(self) -> None:
        """Load the application; report wrong settings without a traceback.

        At a start the startup check has reported them already; this is for settings that changed since.
        """
        try:
            super().load_wsgi()
        except SettingsError as error:
            self.log.error("%s", report(str(error).splitlines()))  # noqa: TRY400  without a traceback
            sys.exit(Arbiter.APP_LOAD_ERROR)

    async def _serve(self) -> None:
        """Serve like the base class, but with a DrainingServer."""
        self.config.app = self.wsgi
        self._install_sigquit_handler()
        server = DrainingServer(self.config)
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ARG002  gunicorn's signature
        """Stop on SIGQUIT, which gunicorn sends on its own SIGINT; the base class would wait to be killed."""
        os.kill(os.getpid(), signal.SIGTERM)
