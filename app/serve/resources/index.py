"""GET /: every route with its method, what it does, and an example that works when it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec
from falcon.asgi import Request, Response

from app.serve.resources.route import Route, public
from app.serve.responses import send_json
from app.settings import Mode


class RouteInfo(msgspec.Struct):
    """A route for people: an example for a shell, and by status what may come of it."""

    method: str
    path: str
    description: str
    example: str
    answers: dict[str, str]


class Listing(msgspec.Struct):
    """What the service is, and every route that it has in its mode."""

    name: Literal["trinity"]
    mode: Mode
    routes: list[RouteInfo]


class Index:
    """GET /; `routes` are asked for with each request: this one is among them, and so they are made after it."""

    def __init__(self, mode: Mode, routes: Callable[[], Iterable[Route]]) -> None:
        self._mode = mode
        self._routes = routes

    async def on_get(self, req: Request, resp: Response) -> None:
        """List the routes of the mode."""
        base = f"{req.scheme}://{req.netloc}"
        shown = [describe(route, base) for route in public(self._routes(), self._mode)]
        send_json(resp, Listing("trinity", self._mode, shown))


def describe(route: Route, base: str) -> RouteInfo:
    """Return the route for people, with an example that works as it stands."""
    words = ["curl"]
    if route.data:
        words += ["-H 'Content-Type: application/json'", f"-d '{route.data}'"]
    elif route.method != "GET":
        words.append(f"-X {route.method}")
    address = base + (route.shown or route.path)
    if "$" in address:
        address = f'"{address}"'
    example = " ".join([*words, address])
    if route.before:
        example = f"{route.before.replace('{base}', base)}; {example}"
    answers = {str(status): answer.description for status, answer in sorted(route.answers.items())}
    return RouteInfo(route.method, route.path, route.description, example, answers)
