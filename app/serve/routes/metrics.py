"""The route /metrics: what it may answer."""

from __future__ import annotations

from app.serve.metrics import MetricsResource, Watched
from app.serve.openapi.terms import Answer
from app.serve.routes.route import Route
from app.service import Service
from app.telemetry.metrics import Metrics


def metrics_routes(metrics: Metrics, service: Service, watched: Watched) -> list[Route]:
    """Return /metrics."""
    return [
        Route(
            "GET",
            "/metrics",
            MetricsResource(metrics, service, watched),
            "Counts and times of all processes, for Prometheus.",
            answers={200: Answer("The numbers.", {"text/plain": {"type": "string"}})},
            operation="metrics",
        )
    ]
