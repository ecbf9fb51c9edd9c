"""The media types of requests and responses that more than one part of the service names."""

from __future__ import annotations

JSON = "application/json"
CSV = "text/csv"
PROBLEM = "application/problem+json"  # RFC 9457
