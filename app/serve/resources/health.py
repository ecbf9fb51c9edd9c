"""GET /ping and /health/…: whether the process answers, and whether each component that it needs does."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Literal

import msgspec
from falcon.asgi import Request, Response

from app.schemas.media_types import JSON
from app.serve.health_checks import OK, HealthChecks
from app.serve.openapi.parts import RETRY_AFTER, ResponseSpec
from app.serve.problems import set_retry_after
from app.serve.resources.route import route
from app.serve.responses import send_json

PONG = b'{"ping":"pong"}'


class Pong(msgspec.Struct):
    """The answer to /ping."""

    ping: str


class Liveness(msgspec.Struct):
    """The process responds."""

    status: Literal["live"] = "live"


class Readiness(msgspec.Struct, omit_defaults=True):
    """The state of each dependency: `ok`, the name of its error, or a text that it has not responded yet.

    `warnings` names aliases whose version cannot be used; the service is ready nevertheless.
    """

    status: Literal["ready", "not ready"]
    parts: dict[str, str]
    warnings: list[str] = []


class HealthResource:
    """GET /ping, /health/live and /health/ready."""

    def __init__(self, checks: HealthChecks) -> None:
        self._checks = checks

    @route("/ping", "Answers pong and touches nothing.", {200: ResponseSpec("pong", {JSON: Pong})}, operation="ping")
    async def on_get_ping(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        resp.content_type = JSON
        resp.data = PONG

    @route(
        "/health/live",
        "Whether the process answers.",
        {200: ResponseSpec("The process answers.", {JSON: Liveness})},
        operation="live",
    )
    async def on_get_live(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        send_json(resp, Liveness())

    @route(
        "/health/ready",
        "Whether each dependency of the service responds; 503 if one does not.",
        {
            200: ResponseSpec("Each dependency responds.", {JSON: Readiness}),
            503: ResponseSpec("A dependency does not respond.", {JSON: Readiness}, RETRY_AFTER),
        },
        operation="ready",
    )
    async def on_get_ready(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        parts, warnings = await asyncio.gather(self._checks.states(), self._checks.warnings())
        ready = all(state == OK for state in parts.values())
        if not ready:
            resp.status = HTTPStatus.SERVICE_UNAVAILABLE
            set_retry_after(resp)
        send_json(resp, Readiness("ready" if ready else "not ready", parts, warnings))
