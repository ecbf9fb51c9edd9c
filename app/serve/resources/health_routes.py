"""The routes that tell whether the service is well: what each may answer."""

from __future__ import annotations

from app.serve.health_checks import HealthChecks
from app.serve.openapi import responses
from app.serve.openapi.terms import JSON, ResponseSpec
from app.serve.resources.health import Live, Liveness, Ping, Pong, Readiness, Ready
from app.serve.resources.route import Route


def health_routes(probes: HealthChecks) -> list[Route]:
    """Return /ping and the routes below /health."""
    return [
        Route(
            "GET",
            "/ping",
            Ping(),
            "Answers pong and touches nothing.",
            answers={200: ResponseSpec("pong", {JSON: Pong})},
            operation="ping",
        ),
        Route(
            "GET",
            "/health/live",
            Live(),
            "Whether the process answers.",
            answers={200: ResponseSpec("It does.", {JSON: Liveness})},
            operation="live",
        ),
        Route(
            "GET",
            "/health/ready",
            Ready(probes),
            "Whether each part the service needs answers; 503 when one doesn't.",
            answers={
                200: ResponseSpec("Each part answers.", {JSON: Readiness}),
                503: ResponseSpec("A part doesn't answer.", {JSON: Readiness}, responses.RETRY_AFTER),
            },
            operation="ready",
        ),
    ]
