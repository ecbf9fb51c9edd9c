"""Fit, predict and score, and the checks before them, independent of HTTP and the queue."""

from app.service.components import Components
from app.service.discovery import RouteModule, find_models, find_routes, find_sources
from app.service.service import Service

__all__ = ["Components", "RouteModule", "Service", "find_models", "find_routes", "find_sources"]
