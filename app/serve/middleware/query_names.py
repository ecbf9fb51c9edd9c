"""Unknown parameters in the query of a request without a body: a misspelt filter must not select everything."""

from __future__ import annotations

from collections.abc import Iterable

from falcon.uri import parse_query_string

from app.errors import Fault, Invalid
from app.schemas.pointers import escaped
from app.serve.asgi import Message
from app.serve.middleware.body_limits import Refusal, has_small_body
from app.serve.middleware.route_templates import RouteMatcher
from app.serve.resources.route import Route

MAX_SHOWN = 64  # characters of a name in an error
MAX_FAULTS = 20


class QueryNames:
    """The names that each route declares, without the service's routes with a body, whose readers take the query."""

    def __init__(self, routes: Iterable[Route], matcher: RouteMatcher) -> None:
        self._match = matcher.match
        self._names: dict[tuple[str, str], list[str]] = {}
        for route in routes:
            if route.body is None or route.application:
                names = [parameter.name for parameter in route.parameters if parameter.where == "query"]
                self._names[route.method, route.path] = names

    def check(self, scope: Message) -> Refusal | None:
        """Return the error for names that the route does not declare, None for valid requests and unknown routes."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        known = self._names.get((method, self._match(scope["path"])))
        if known is None:
            return None
        given = parse_query_string(scope["query_string"].decode("latin-1"), keep_blank=True)
        unknown = [name for name in given if name not in known]
        if not unknown:
            return None
        takes = f"this takes {', '.join(known)}" if known else "this takes none"
        faults = [_fault(name, takes) for name in unknown[:MAX_FAULTS]]
        error = Invalid("; ".join(dict.fromkeys(fault.detail for fault in faults)), *faults)
        return Refusal(error, [], has_small_body(scope))


def _fault(name: str, takes: str) -> Fault:
    shown = name[:MAX_SHOWN]
    return Fault(escaped(shown), f"{shown!r} is no parameter of the query; {takes}")
