"""Routes of applications, TRINITY_ROUTES: made, checked, and completed for the list and the document."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from app.api_keys import SCOPES
from app.schemas.media_types import JSON
from app.serve.openapi.parts import Parameter, ResponseSpec
from app.serve.resources.route import PLACEHOLDER, Route
from app.service import RouteModule
from app.service.discovery import ROUTES
from app.settings import SettingsError

if TYPE_CHECKING:
    from app.serve.application import Application

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PATH = re.compile(r"(/([A-Za-z0-9._~-]+|{[A-Za-z_]\w*}))+")
RESERVED = frozenset({"datasets", "jobs", "models", "page", "v2"})
"""First words of paths that belong to the service also where it has no route now."""
ANSWER = {200: ResponseSpec("The answer.", {JSON: {}})}
FAULT = {500: ResponseSpec("The application or its model failed.")}


def application_routes(modules: Iterable[RouteModule], application: Application, own: Iterable[Route]) -> list[Route]:
    """Return the routes of all modules; raise SettingsError for one that cannot be served, or is there already."""
    taken = RESERVED | {_words(route.path)[0] for route in own}
    routes: list[Route] = []
    for module in modules:
        made = _made(module, application)
        for route in made:
            if problem := _problem(route, taken, routes):
                raise SettingsError(f"{ROUTES}: {module.name!r}: {route.method} {route.path} {problem}")
            routes.append(_completed(route, module.name))
    return routes


def _made(module: RouteModule, application: Application) -> Sequence[Route]:
    try:
        made = list(module.make(application))
    except Exception as error:  # a user's function may fail in any way
        raise SettingsError(f"{ROUTES}: routes() of {module.name!r} failed: {type(error).__name__}: {error}") from error
    if odd := [each for each in made if not isinstance(each, Route)]:
        raise SettingsError(f"{ROUTES}: routes() of {module.name!r} gave {type(odd[0]).__name__}, expected Route")
    if not made:
        raise SettingsError(f"{ROUTES}: routes() of {module.name!r} gave no route")
    return made


def _problem(route: Route, taken: frozenset[str], others: Iterable[Route]) -> str | None:
    """Return why a route cannot be served."""
    first = _words(route.path)[:1]
    checks = {
        f"has a method other than {', '.join(METHODS)}": route.method not in METHODS,
        "has a path that is not of words and {placeholders} between slashes": not PATH.fullmatch(route.path),
        f"is the service's own: its paths begin with /{''.join(first)}": not taken.isdisjoint(first),
        "would hide other routes: its path begins with a placeholder": "{" in "".join(first),
        "has no responder that is an async method": not inspect.iscoroutinefunction(route.responder),
        f"has a scope other than {', '.join(SCOPES)} and any": route.scope not in {"", "any", *SCOPES},
    }
    found = next((problem for problem, found in checks.items() if found), None)
    return found or _undescribed(route) or _conflict(route, others)


def _undescribed(route: Route) -> str | None:
    """Return why the document cannot describe a route: it would have no description of the others either."""
    kinds = [kind for response in route.responses.values() for kind in response.contents.values()]
    kinds += [] if route.body is None else route.body.contents.values()
    for kind in (*kinds, *(parameter.schema for parameter in route.parameters)):
        try:
            if not isinstance(kind, dict):
                msgspec.json.schema(kind)
        except (TypeError, ValueError) as error:
            return f"has a type that JSON Schema cannot describe, {kind}: {str(error).partition(chr(10))[0]}"
    return None


def _conflict(route: Route, others: Iterable[Route]) -> str | None:
    """Return with which other route a route cannot be served."""
    for other in others:
        if _shape(other.path) == _shape(route.path):
            if other.path != route.path:
                return f"cannot be distinguished from {other.path}"
            if other.method == route.method:
                return f"is also of {other.application!r}"
    return None


def _completed(route: Route, module: str) -> Route:
    """Return a route with what it does not say: its module, its answer, and the parameters of its path."""
    described = {each.name for each in route.parameters if each.where == "path"}
    lacking = [name for name in PLACEHOLDER.findall(route.path) if name not in described]
    words = {name: name.replace("_", " ") for name in lacking}
    parameters = [Parameter(name, str, f"The {words[name]}.", "path", f"{{{name}}}") for name in lacking]
    responses = {**FAULT, **(route.responses or ANSWER)}
    return route._replace(application=module, parameters=(*parameters, *route.parameters), responses=responses)


def _words(path: str) -> list[str]:
    return path.split("/")[1:]


def _shape(path: str) -> str:
    """Return a path without the names of its placeholders."""
    return PLACEHOLDER.sub("{}", path)
