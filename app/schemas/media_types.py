"""The media types of requests and responses that more than one part of the service names."""

from __future__ import annotations

JSON = "application/json"
CSV = "text/csv"
PROBLEM = "application/problem+json"  # RFC 9457


def essence(content_type: str | None) -> str:
    """Return a Content-Type without its parameters, in lower case; '' for none (MIME Sniffing Standard §4.4)."""
    return (content_type or "").partition(";")[0].strip().lower()
