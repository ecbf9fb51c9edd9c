"""GET /: every route with its method, what it does, and an example that works when it is sent."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec
from falcon.asgi import Request, Response

from app.serve.answer import send_json
from app.serve.openapi.words import NOTHING, Answers, Body, Parameter
from app.settings import Mode


class Route(NamedTuple):
    """One path of the service with the resource behind it: what it does, and how curl asks for it.

    `data` is a body to send as JSON, `shown` the path that the example asks for where `path` has placeholders.
    The rest, in the words of openapi/words.py, makes /openapi.json; a test misses `answers` where there are none.
    """

    method: str
    path: str
    resource: object
    description: str
    data: str = ""
    shown: str = ""
    answers: Answers = NOTHING
    """What may come of it, by status; refusals for want of a key are added where there are keys."""
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    operation: str = ""
    """The name of the method in generated clients, such as get_job."""
    queued: bool = False
    """Whether it is there in async mode only."""
    public: bool = True
    """False for what only our own pages fetch: neither listed nor documented."""
    before: str = ""
    """What a shell has to do before the example, where {base} stands for the service."""


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
    """GET /."""

    def __init__(self, mode: Mode, routes: list[Route]) -> None:
        self._mode = mode
        self._routes = routes

    async def on_get(self, req: Request, resp: Response) -> None:
        """List the routes of the mode."""
        base = f"{req.scheme}://{req.netloc}"
        queued = self._mode is Mode.ASYNC
        shown = [route for route in self._routes if route.public and (queued or not route.queued)]
        send_json(resp, Listing("trinity", self._mode, [describe(route, base) for route in shown]))


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
