"""GET /ping and /health/…: is the process alive, and do the parts it needs answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from logging import getLogger
from typing import Literal

import msgspec
from falcon.asgi import Request, Response

from app.errors import Retriable
from app.serve.answer import send_json

logger = getLogger(__name__)

PONG = b'{"ping":"pong"}'
Check = Callable[[], None]


class Pong(msgspec.Struct):
    """The answer to /ping."""

    ping: str


class Liveness(msgspec.Struct):
    """The process answers."""

    status: Literal["live"] = "live"


class Readiness(msgspec.Struct):
    """For each part `ok`, or the name of the error that keeps it from answering."""

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

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """Tell for each part whether it answers; 503 when one doesn't."""
        parts = await states(self._checks)
        ready = all(state == "ok" for state in parts.values())
        if not ready:
            resp.status = HTTPStatus.SERVICE_UNAVAILABLE
            resp.set_header("Retry-After", str(Retriable.retry_after_s))
        send_json(resp, Readiness("ready" if ready else "not ready", parts))


async def states(checks: Mapping[str, Check]) -> dict[str, str]:
    """Ask each part, all at once; return "ok" for one that answers, and the name of the error for one that doesn't."""
    found = await asyncio.gather(*(asyncio.to_thread(_state, part, check) for part, check in checks.items()))
    return dict(zip(checks, found, strict=True))


def _state(part: str, check: Check) -> str:
    try:
        check()
    except Exception as error:  # noqa: BLE001  whatever keeps a part from answering, it isn't ready
        logger.warning("%s isn't ready: %s", part, type(error).__name__)
        return type(error).__name__
    return "ok"
