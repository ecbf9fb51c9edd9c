"""Bodies of requests to routes that take none: what they say must not be passed over."""

from __future__ import annotations

from collections.abc import Iterable

from app.errors import Invalid
from app.serve.asgi import HEADERS, Message
from app.serve.middleware.body_limits import Refusal, has_small_body
from app.serve.middleware.route_templates import RouteMatcher
from app.serve.resources.route import Route


class UndeclaredBodies:
    """The routes that declare no body."""

    def __init__(self, routes: Iterable[Route], matcher: RouteMatcher) -> None:
        self._match = matcher.match
        routes = list(routes)
        self._without = {(route.method, route.path) for route in routes if not route.takes_body}
        self._with = {route.path for route in routes} - {path for _, path in self._without}
        """The paths at which every route takes a body: requests for them need no closer look."""

    def check(self, scope: Message) -> Refusal | None:
        """Return the error for a body that the route does not declare, None for valid requests and unknown routes."""
        if scope["path"] in self._with:
            return None
        headers = scope[HEADERS]
        announced = headers.get(b"content-length", b"").strip(b"0")
        if not announced and b"transfer-encoding" not in headers:
            return None
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if (method, self._match(scope["path"])) not in self._without:
            return None
        error = Invalid.at("", f"{scope['method']} of this path takes no body")
        return Refusal(error, [], has_small_body(scope))
