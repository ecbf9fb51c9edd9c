"""Unknown parameters in the query of a request: a misspelt filter must not select everything."""

from __future__ import annotations

from collections.abc import Iterable

from falcon.uri import parse_query_string

from app.schemas.query import unknown_names
from app.serve.asgi import Message
from app.serve.middleware.body_limits import Refusal, has_small_body
from app.serve.middleware.route_templates import RouteMatcher
from app.serve.resources.route import Route


class QueryNames:
    """The names that each route declares, without the routes whose readers take the query."""

    def __init__(self, routes: Iterable[Route], matcher: RouteMatcher) -> None:
        self._match = matcher.match
        self._names: dict[tuple[str, str], list[str]] = {}
        for route in routes:
            if not route.reads_query:
                self._names[route.method, route.path] = route.query_names

    def check(self, scope: Message) -> Refusal | None:
        """Return the error for names that the route does not declare, None for valid requests and unknown routes."""
        if not scope["query_string"]:
            return None
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        known = self._names.get((method, self._match(scope["path"])))
        if known is None:
            return None
        given = parse_query_string(scope["query_string"].decode("latin-1"), keep_blank=True)
        error = unknown_names(given, known, "parameter of the query")
        return None if error is None else Refusal(error, [], has_small_body(scope))
