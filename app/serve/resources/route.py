"""Routes: a resource declares each one beside its responder.

`create_app` serves them, GET / lists them, and /openapi.json describes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

from app.serve.openapi.parts import NOTHING, Parameter, RequestBody, ResponseSpec, ResponseSpecs
from app.settings import Mode

PLACEHOLDER = re.compile(r"{(\w+)}")
Responder = TypeVar("Responder", bound=Callable[..., Any])


class Declare(Protocol):
    """A decorator of responders."""

    def __call__(self, responder: Responder, /) -> Responder:
        """Return the responder, with a route more."""


class Route(NamedTuple):
    """One method of one path, what it does, and what it takes and answers."""

    method: str
    path: str
    description: str
    responses: ResponseSpecs = NOTHING
    """By status; `complete_routes` adds those for missing API keys."""
    parameters: tuple[Parameter, ...] = ()
    """`complete` adds those in the path."""
    body: RequestBody | None = None
    operation: str = ""
    """The name of the method in generated clients, such as get_job."""
    queued: bool = False
    """Whether it exists in async mode only."""
    public: bool = True
    """False for what only our own pages fetch: neither listed nor documented."""
    example_path: str = ""
    """The path in the example for curl, where the placeholders' examples do not make it."""
    setup: str = ""
    """What a shell does before the example; {base} stands for the service's URL."""
    resource: object = None

    def complete(self, parameters: Mapping[str, Parameter]) -> Route:
        """Return the route with its path parameters and, made of their examples, the path of its example."""
        named = {name: parameters[name] for name in PLACEHOLDER.findall(self.path) if name in parameters}
        example = PLACEHOLDER.sub(lambda found: str(getattr(named.get(found[1]), "example", None)), self.path)
        return self._replace(parameters=(*named.values(), *self.parameters), example_path=self.example_path or example)

    def with_responses(self, responses: Mapping[int, ResponseSpec]) -> Route:
        """Return the route with more responses."""
        return self._replace(responses={**self.responses, **responses})


def route(path: str, description: str, responses: ResponseSpecs = NOTHING, **more: Any) -> Declare:
    """Declare a route of the responder below; `more` are the other fields of Route. A responder may have several."""

    def declare(responder: Responder) -> Responder:
        method = responder.__name__.removeprefix("on_").upper()
        declared = [Route(method, path, description, responses, **more), *getattr(responder, "routes", ())]
        responder.routes = declared  # type: ignore[attr-defined]
        return responder

    return declare


def routes_of(*resources: object) -> list[Route]:
    """Return the routes that the resources declare, in the order in which they are written."""
    return [
        each._replace(resource=resource)
        for resource in resources
        for responder in vars(type(resource)).values()
        for each in getattr(responder, "routes", ())
    ]


def public_routes(routes: Iterable[Route], mode: Mode) -> list[Route]:
    """Return the routes that callers can use in a mode."""
    return [each for each in routes if each.public and (mode is Mode.ASYNC or not each.queued)]
