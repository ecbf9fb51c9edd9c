"""GET /ping and /health/…: whether the process answers, and whether each component that it needs does."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

import msgspec
from falcon.asgi import Request, Response

from app.serve.health_checks import OK, HealthChecks
from app.serve.openapi.parts import JSON, RETRY_AFTER, ResponseSpec
from app.serve.problems import set_retry_after
from app.serve.resources.route import route
from app.serve.responses import send_json

PONG = b'{"ping":"pong"}'


class Pong(msgspec.Struct):
    """The answer to /ping."""

    ping: str


class Liveness(msgspec.Struct):
    """The process answers."""

    status: Literal["live"] = "live"


class Readiness(msgspec.Struct):
    """For each part `ok`, the name of the error that it ended in, or that there is no answer yet."""

    status: Literal["ready", "not ready"]
    parts: dict[str, str]


class Ping:
    """GET /ping."""

    @route("/ping", "Answers pong and touches nothing.", {200: ResponseSpec("pong", {JSON: Pong})}, operation="ping")
    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """Answer pong."""
        resp.content_type = "application/json"
        resp.data = PONG


class Live:
    """GET /health/live."""

    @route(
        "/health/live",
        "Whether the process answers.",
        {200: ResponseSpec("The process answers.", {JSON: Liveness})},
        operation="live",
    )
    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """Answer that the process is alive."""
        send_json(resp, Liveness())


class Ready:
    """GET /health/ready."""

    def __init__(self, checks: HealthChecks) -> None:
        self._checks = checks

    @route(
        "/health/ready",
        "Whether each part that the service needs answers; 503 when one does not.",
        {
            200: ResponseSpec("Each part answers.", {JSON: Readiness}),
            503: ResponseSpec("A part does not answer.", {JSON: Readiness}, RETRY_AFTER),
        },
        operation="ready",
    )
    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """Return the state of each part; 503 when one does not answer."""
        parts = await self._checks.states()
        ready = all(state == OK for state in parts.values())
        if not ready:
            resp.status = HTTPStatus.SERVICE_UNAVAILABLE
            set_retry_after(resp)
        send_json(resp, Readiness("ready" if ready else "not ready", parts))


def health_resources(checks: HealthChecks) -> list[object]:
    """Return the resources of /ping and /health."""
    return [Ping(), Live(), Ready(checks)]
