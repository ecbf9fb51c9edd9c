"""Fit, predict and score, and the checks before them: no HTTP, no queue, no clock of its own."""

from app.service.components import Components
from app.service.discovery import find_models
from app.service.service import Service
from app.service.sources import SourceKind

__all__ = ["Components", "Service", "SourceKind", "find_models"]
