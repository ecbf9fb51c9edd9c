"""The scopes that keys need for the routes of applications, beside those of the service's own routes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.serve.middleware.api_keys import POLLING, PREDICT, READ, SAFE, required_scopes
from app.serve.middleware.route_templates import RouteMatcher
from app.serve.resources.route import Route


def scopes_of(route: Route) -> frozenset[str]:
    """Return the scopes of which a key needs one for a route."""
    if not route.application:
        return required_scopes(route.method, re.sub(r"[{}]", "", route.path))
    if route.scope == "any":
        return POLLING
    if route.scope:
        return frozenset({route.scope})
    return READ | PREDICT if route.method in SAFE else PREDICT


class RouteScopes:
    """The required scopes of a request, by its method and path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        routes = [route for route in routes if route.application]
        self._match = RouteMatcher(route.path for route in routes).match
        self._scopes = {(route.method, route.path): scopes_of(route) for route in routes}
        self._paths = {route.path for route in routes}

    def required(self, method: str, path: str) -> frozenset[str]:
        """Return the scopes of which one is needed."""
        found = self._match(path)
        if found not in self._paths:
            return required_scopes(method, path)
        known = self._scopes.get(("GET" if method == "HEAD" else method, found))
        if known is not None:
            return known
        return READ | PREDICT if method in SAFE else PREDICT  # OPTIONS, or a method that gets a 405
