"""GET /: every route with its method, what it does, and an example that works when it is sent."""

from __future__ import annotations

from typing import NamedTuple

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


class Index:
    """GET /."""

    def __init__(self, mode: Mode, routes: list[Route]) -> None:
        self._mode = mode
        self._routes = routes

    async def on_get(self, req: Request, resp: Response) -> None:
        """List the routes."""
        base = f"{req.scheme}://{req.netloc}"
        send_json(
            resp, {"name": "trinity", "mode": self._mode, "routes": [describe(route, base) for route in self._routes]}
        )


def describe(route: Route, base: str) -> dict[str, str]:
    """Return the route for people, with an example that works as it stands."""
    words = ["curl"]
    if route.data:
        words += ["-H 'Content-Type: application/json'", f"-d '{route.data}'"]
    elif route.method != "GET":
        words.append(f"-X {route.method}")
    example = " ".join([*words, base + (route.shown or route.path)])
    return {"method": route.method, "path": route.path, "description": route.description, "example": example}
