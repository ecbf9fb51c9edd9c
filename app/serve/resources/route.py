"""Routes: a resource declares each one beside its responder.

`create_app` serves them, GET / lists them, and /openapi.json describes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Literal, NamedTuple, TypeVar

from app.schemas.media_types import JSON, PROBLEM
from app.schemas.problems import Problem, ProtocolError
from app.serve.openapi.parts import NOTHING, Parameter, RequestBody, ResponseSpecs
from app.serve.problems import below_v2
from app.settings import Mode

METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})  # bodies of all others have no meaning (RFC 9110 §9.3)
PLACEHOLDER = re.compile(r"{(\w+)}")
Responder = TypeVar("Responder", bound=Callable[..., Any])


class Route(NamedTuple):
    """One method of one path, with its description, parameters and responses."""

    method: str
    path: str
    description: str
    responses: ResponseSpecs = NOTHING
    """By status; `complete` adds the schemas of errors."""
    parameters: tuple[Parameter, ...] = ()
    """`complete` adds those in the path."""
    body: RequestBody | None = None
    operation: str = ""
    """The name of the method in generated clients, such as get_job."""
    takes_file: bool = False
    """Whether the body may be as large as a file (TRINITY_MAX_FILE)."""
    reads_query: bool = False
    """Whether readers of its body take the query, which may have further names, and refuse those that are unknown."""
    queued: bool = False
    """Whether it exists in async mode only."""
    streams: bool = False
    """Whether its response is a stream of events; such a route has no HEAD."""
    public: bool = True
    """False for routes that only the service's own pages use: neither listed nor documented."""
    example_path: str = ""
    """The path in the example for curl, if it differs from the placeholders' examples."""
    setup: str = ""
    """Shell commands before the example; {base} is replaced by the service's URL."""
    example_file: str = ""
    """The file that the example sends as its body; `setup` creates it."""
    example_field: str = ""
    """The field of a form in which the example sends `example_file`; '' for a raw body."""
    scope: Literal["", "read", "predict", "fit", "import", "any"] = ""
    """What a key must allow, for routes of applications; '' means predict, and for what only reads also read; any is
    for what who starts a job needs to follow it."""
    application: str = ""
    """The module of TRINITY_ROUTES that it is from; '' for the service's own."""
    resource: object = None
    suffix: str | None = None
    """Falcon's suffix of the responders of this path, if a resource has several paths."""

    @property
    def responder(self) -> Callable[..., Any] | None:
        """The responder of the resource; None if it has none."""
        name = f"on_{self.method.lower()}" + (f"_{self.suffix}" if self.suffix else "")
        found: Callable[..., Any] | None = getattr(self.resource, name, None)
        return found

    @property
    def takes_body(self) -> bool:
        """Whether its requests may have a body."""
        return self.body is not None or self.takes_file

    @property
    def refuses_body(self) -> bool:
        """Whether a body is an error: HTTP gives it a meaning, and the route takes none."""
        return self.method in METHODS_WITH_BODY and not self.takes_body

    @property
    def query_names(self) -> list[str]:
        """The names that its query may have."""
        return [parameter.name for parameter in self.parameters if parameter.where == "query"]

    def complete(self, parameters: Mapping[str, Parameter], errors: ResponseSpecs = NOTHING) -> Route:
        """Return the route with its path parameters, the path of its example, and the schemas of all its errors.

        Parameters that the route declares itself override those of the same name.
        """
        own = {parameter.name: parameter for parameter in self.parameters if parameter.where == "path"}
        known = {**parameters, **own}
        named = {name: known[name] for name in PLACEHOLDER.findall(self.path) if name in known}
        example = PLACEHOLDER.sub(lambda found: str(getattr(named.get(found[1]), "example", None)), self.path)
        form = {JSON: ProtocolError} if below_v2(self.path) else {PROBLEM: Problem}
        responses = {
            status: spec._replace(contents=form) if status >= HTTPStatus.BAD_REQUEST and not spec.contents else spec
            for status, spec in {**self.responses, **errors}.items()
        }
        return self._replace(
            parameters=(*named.values(), *(each for each in self.parameters if each.where != "path")),
            example_path=self.example_path or example,
            responses=responses,
        )


def route(
    path: str, description: str, responses: ResponseSpecs = NOTHING, **more: Any
) -> Callable[[Responder], Responder]:
    """Declare a route of the responder below; `more` are the other fields of Route. A responder may have several."""

    def declare(responder: Responder) -> Responder:
        _, method, *suffix = responder.__name__.split("_", 2)
        added = Route(method.upper(), path, description, responses, suffix=suffix[0] if suffix else None, **more)
        responder.routes = [added, *getattr(responder, "routes", ())]  # type: ignore[attr-defined]
        return responder

    return declare


queued_route = partial(route, queued=True)


def routes_of(*resources: object) -> list[Route]:
    """Return the routes that the resources declare, in the order of their declaration."""
    return [
        each._replace(resource=resource)
        for resource in resources
        for responder in vars(type(resource)).values()
        for each in getattr(responder, "routes", ())
    ]


def query_names_of(routes: Iterable[Route], method: str, path: str | None) -> list[str]:
    """Return the names that the query of a route may have."""
    return next((each.query_names for each in routes if (each.method, each.path) == (method, path)), [])


def public_routes(routes: Iterable[Route], mode: Mode) -> list[Route]:
    """Return the routes that are available in a mode."""
    return [each for each in routes if each.public and (mode is Mode.ASYNC or not each.queued)]


def last_placeholder(path: str, meaning: str, example: str) -> str:
    """Return the name of the placeholder at the end of a path; raise ValueError for another path."""
    found = PLACEHOLDER.fullmatch(path.rpartition("/")[2])
    if found is None:
        raise ValueError(f"{path!r} must end in a placeholder for {meaning}, such as {example}")
    return found[1]
