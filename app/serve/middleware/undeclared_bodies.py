"""Refuses bodies of requests to routes that take none, which would otherwise be ignored."""

from __future__ import annotations

from collections.abc import Iterable

from app.errors import Invalid
from app.serve.asgi import HEADERS, Message, length_of
from app.serve.middleware.body_limits import Refusal, has_small_body
from app.serve.middleware.route_templates import RouteMatcher
from app.serve.resources.route import Route

EMPTY_BYTES = 2  # of {}, which many clients send when there is nothing to say


class UndeclaredBodies:
    """The routes that refuse a body."""

    def __init__(self, routes: Iterable[Route], matcher: RouteMatcher) -> None:
        self._match = matcher.match
        self._refusing = {(route.method, route.path) for route in routes if route.refuses_body}
        self._methods = {method for method, _ in self._refusing}

    def check(self, scope: Message) -> Refusal | None:
        """Return the error for a body that the route does not declare, None for valid requests and unknown routes."""
        if scope["method"] not in self._methods:
            return None
        headers = scope[HEADERS]
        announced = length_of(headers.get(b"content-length", b"0")) or 0
        if announced <= EMPTY_BYTES and b"transfer-encoding" not in headers:
            return None
        if (scope["method"], self._match(scope["path"])) not in self._refusing:
            return None
        error = Invalid.at("", f"{scope['method']} of this path takes no body")
        return Refusal(error, [], has_small_body(scope))
