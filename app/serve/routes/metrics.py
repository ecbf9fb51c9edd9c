"""What Prometheus reads."""

from __future__ import annotations

from app.serve.index import Route
from app.serve.metrics import MetricsResource, Watched
from app.serve.openapi.words import Answer
from app.service import Service
from app.telemetry.metrics import Metrics


def of_metrics(metrics: Metrics, service: Service, watched: Watched) -> list[Route]:
    """List the numbers to watch."""
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
