"""The route /metrics: what it may answer."""

from __future__ import annotations

from app.serve.openapi.terms import ResponseSpec
from app.serve.resources.metrics import MetricsResource, ScrapeTargets
from app.serve.resources.route import Route
from app.service import Service
from app.telemetry.metrics import ServiceMetrics


def metrics_routes(metrics: ServiceMetrics, service: Service, watched: ScrapeTargets) -> list[Route]:
    """Return /metrics."""
    return [
        Route(
            "GET",
            "/metrics",
            MetricsResource(metrics, service, watched),
            "Counts and times of all processes, for Prometheus.",
            answers={200: ResponseSpec("The numbers.", {"text/plain": {"type": "string"}})},
            operation="metrics",
        )
    ]
