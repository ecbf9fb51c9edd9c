"""What tells whether the service is well."""

from __future__ import annotations

from app.serve.health import Live, Liveness, Ping, Pong, Readiness, Ready
from app.serve.index import Route
from app.serve.openapi import common
from app.serve.openapi.words import JSON, Answer
from app.serve.probes import Probes


def of_health(probes: Probes) -> list[Route]:
    """List what tells whether the service is well."""
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
                503: Answer("A part doesn't answer.", {JSON: Readiness}, common.AGAIN),
            },
            operation="ready",
        ),
    ]
