"""GET /ping and /health/…: is the process alive, and do the parts it needs answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

import msgspec
from falcon.asgi import Request, Response

from app.errors import Retriable
from app.serve.health_checks import OK, HealthChecks
from app.serve.responses import send_json

PONG = b'{"ping":"pong"}'


class Pong(msgspec.Struct):
    """The answer to /ping."""

    ping: str


class Liveness(msgspec.Struct):
    """The process answers."""

    status: Literal["live"] = "live"


class Readiness(msgspec.Struct):
    """For each part `ok`, the name of the error that keeps it from answering, or that there is no answer yet."""

    status: Literal["ready", "not ready"]
    parts: dict[str, str]


class Ping:
    """GET /ping, which touches nothing."""

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """Answer pong."""
        resp.content_type = "application/json"
        resp.data = PONG


class Live:
    """GET /health/live."""

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """Tell that the process answers."""
        send_json(resp, Liveness())


class Ready:
    """GET /health/ready."""

    def __init__(self, probes: HealthChecks) -> None:
        self._probes = probes

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """Tell for each part whether it answers; 503 when one doesn't."""
        parts = await self._probes.states()
        ready = all(state == OK for state in parts.values())
        if not ready:
            resp.status = HTTPStatus.SERVICE_UNAVAILABLE
            resp.set_header("Retry-After", str(Retriable.retry_after_s))
        send_json(resp, Readiness("ready" if ready else "not ready", parts))
