"""The routes that tell whether the service is well: what each may answer."""

from __future__ import annotations

from app.serve.health import Live, Liveness, Ping, Pong, Readiness, Ready
from app.serve.openapi import answers
from app.serve.openapi.terms import JSON, Answer
from app.serve.probes import Probes
from app.serve.routes.route import Route


def health_routes(probes: Probes) -> list[Route]:
    """Return /ping and the routes below /health."""
    return [
        Route(
            "GET",
            "/ping",
            Ping(),
            "Answers pong and touches nothing.",
            answers={200: Answer("pong", {JSON: Pong})},
            operation="ping",
        ),
        Route(
            "GET",
            "/health/live",
            Live(),
            "Whether the process answers.",
            answers={200: Answer("It does.", {JSON: Liveness})},
            operation="live",
        ),
        Route(
            "GET",
            "/health/ready",
            Ready(probes),
            "Whether each part the service needs answers; 503 when one doesn't.",
            answers={
                200: Answer("Each part answers.", {JSON: Readiness}),
                503: Answer("A part doesn't answer.", {JSON: Readiness}, answers.AGAIN),
            },
            operation="ready",
        ),
    ]
