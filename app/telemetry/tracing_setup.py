"""Set up tracing if it is enabled; otherwise import nothing of OpenTelemetry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from app.settings import Settings, SettingsError

if TYPE_CHECKING:
    from app.telemetry.tracing import Tracing

VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def wanted(settings: Settings) -> bool:
    """Return whether spans are exported; raise SettingsError when the packages for it are missing."""
    named = "TRINITY_OTLP_URL" if settings.otlp_url else next(filter(os.environ.get, VARIABLES), None)
    if named is None:
        return False
    try:
        import app.telemetry.tracing  # noqa: F401, PLC0415  see above
    except ImportError as error:
        missing = "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
        raise SettingsError(f"{named}: traces need packages that are not installed: {missing}") from error
    return True


def tracing(settings: Settings, service: str) -> Tracing | None:
    """Return the tracing of this process, or None if it is not enabled; raise SettingsError as `wanted` does."""
    if not wanted(settings):
        return None
    from app.telemetry.tracing import make_tracing  # noqa: PLC0415

    return make_tracing(service, settings.otlp_url)
