"""Fit, predict and score, and the checks before them: no HTTP, no queue, no clock of its own."""

from app.service.service import Service
from app.service.sources import SourceKind

__all__ = ["Service", "SourceKind"]
