"""Requests by scripts of other origins (the Fetch standard's CORS protocol), if the settings allow them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from app.schemas.addresses import ANY_ORIGIN
from app.serve.asgi import Header, Send

METHODS = b"GET, HEAD, POST, PUT, DELETE"
REQUEST_HEADERS = (
    b"Accept, Authorization, Content-Encoding, Content-Type, Idempotency-Key, If-None-Match, "
    b"Inference-Header-Content-Length, Last-Event-ID, Prefer, traceparent, tracestate, X-API-Key, X-Request-ID"
)
"""Headers that a script may send. `*` would not cover Authorization, and nothing if credentials are allowed."""
RESPONSE_HEADERS = (
    b"Accept-Encoding, Allow, Content-Encoding, Content-Location, ETag, Inference-Header-Content-Length, Link, "
    b"Location, Preference-Applied, Retry-After, WWW-Authenticate, X-Request-ID"
)
"""Headers that a script may read, beside those that are always readable."""
MAX_AGE = b"7200"  # seconds for which browsers cache the response to a preflight; their maximum
VARY_ORIGIN: Header = (b"vary", b"Origin")


class Cors:
    """The headers for requests of other origins: `*` is any, without credentials."""

    def __init__(self, origins: str) -> None:
        self._any = origins == ANY_ORIGIN
        self._origins = frozenset(origin.strip().lower().encode() for origin in origins.split(","))
        # the response without them differs: a cache must not return it to an allowed origin
        self._others = [] if self._any else [VARY_ORIGIN]

    def headers(self, request: Mapping[bytes, bytes]) -> list[Header]:
        """Return the headers for every response to this request."""
        origin = request.get(b"origin")
        if origin is None or not self._allows(origin):
            return self._others
        allowed = [(b"access-control-expose-headers", RESPONSE_HEADERS), *self._others]
        if self._any:
            return [(b"access-control-allow-origin", b"*"), *allowed]
        credentials = (b"access-control-allow-credentials", b"true")
        return [(b"access-control-allow-origin", origin), credentials, *allowed]

    def is_preflight(self, method: str, request: Mapping[bytes, bytes]) -> bool:
        """Return whether this is a preflight for a script of an allowed origin."""
        if method != "OPTIONS" or b"access-control-request-method" not in request:
            return False
        return self._allows(request.get(b"origin", b""))

    def _allows(self, origin: bytes) -> bool:
        return (self._any and origin != b"") or origin.lower() in self._origins


async def send_preflight(send: Send) -> None:
    """Allow every method, even without a route: the request itself gets a response, which a script can read."""
    headers = [
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", REQUEST_HEADERS),
        (b"access-control-max-age", MAX_AGE),
    ]
    await send({"type": "http.response.start", "status": HTTPStatus.NO_CONTENT, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
