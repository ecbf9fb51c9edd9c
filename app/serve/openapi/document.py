"""The routes as an OpenAPI 3.1 document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from app.schemas.verbs import VERBS
from app.schemas.version import VERSION
from app.serve.middleware.api_keys import PUBLIC_PATHS, required_scopes
from app.serve.openapi.derived import REF, hook
from app.serve.openapi.terms import (
    JSON,
    Parameter,
    RequestBody,
    ResponseSpec,
    problem_response,
    protocol_error_response,
)
from app.serve.problems import V2
from app.serve.resources.route import Route, public
from app.settings import Mode, Settings

Json = dict[str, Any]

TITLE = "Trinity"
ABOUT = {
    Mode.SYNC: "This service runs in sync mode: it does the work and answers with the result. There is no queue, so "
    "nothing below /jobs.",
    Mode.ASYNC: "This service runs in async mode: it answers 202 and where to find the job, which workers do; "
    "`Prefer: wait=S` waits for the result.",
}
SECURITY: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key as `Authorization: Bearer KEY`."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
NO_KEY = "There is no key, or one that nobody knows.", {"WWW-Authenticate": "What is wrong with it."}
WRONG_KEY = "The key is not for this.", {"WWW-Authenticate": "The scope that is missing."}
SERVICE_PATHS = {"", "docs", "metrics", "openapi.json", "ping"}
EMPTY: list[tuple[str, Any]] = [("required", []), ("default", {})]
DATA = {"const", "default", "enum", "examples"}  # what stands under these words of a schema is no schema
REQUIRED_HEADERS = {"Allow", "ETag", "Location", "Retry-After", "WWW-Authenticate"}


def document(routes: Iterable[Route], settings: Settings, members: Iterable[Any] = ()) -> Json:
    """Return the document of the public routes of the mode; `members` are the Structs that stand-ins refer to."""
    shown = public(routes, settings.mode)
    schemas = Schemas([*_types(shown), *members])
    paths: dict[str, Json] = {}
    for route in shown:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(
            route, schemas, with_keys=bool(settings.api_keys)
        )
    components: Json = {"schemas": schemas.components}
    if settings.api_keys:
        components["securitySchemes"] = SECURITY
    info = {
        "title": TITLE,
        "version": VERSION,
        "summary": "A model with fit, predict and score, over HTTP.",
        "description": ABOUT[settings.mode],
        "license": {"name": "MIT", "identifier": "MIT"},
    }
    tags = [{"name": name} for name in dict.fromkeys(_tag(route) for route in shown)]
    return {"openapi": "3.1.0", "info": info, "servers": [{"url": "/"}], "tags": tags} | {
        "paths": paths,
        "components": components,
    }


class Schemas:
    """The schemas of types: references where they are Structs, which are the components."""

    def __init__(self, types: Iterable[Any]) -> None:
        self._types = list({id(kind): kind for kind in types if not isinstance(kind, dict)}.values())
        found, self.components = msgspec.json.schema_components(self._types, schema_hook=hook, ref_template=REF)
        self._found = dict(zip(map(id, self._types), found, strict=True))
        for name, schema in self.components.items():
            self.components[name] = _tidy(schema)

    def of(self, kind: Any) -> Json:
        """Return the schema of a type; what is one already stays as it is."""
        return kind if isinstance(kind, dict) else _tidy(self._found[id(kind)])


def _types(routes: Iterable[Route]) -> Iterable[Any]:
    for route in routes:
        for parameter in route.parameters:
            yield parameter.schema
        for answer in route.answers.values():
            yield from answer.contents.values()
        if route.body is not None:
            yield from route.body.contents.values()


def _operation(route: Route, schemas: Schemas, *, with_keys: bool) -> Json:
    summary, _, rest = route.description.partition(". ")
    told: Json = {"operationId": operation_id(route), "tags": [_tag(route)], "summary": summary.rstrip(".")}
    if rest:
        told["description"] = route.description
    if with_keys and route.path not in PUBLIC_PATHS:
        scopes = sorted(required_scopes(route.method, re.sub(r"[{}]", "", route.path)))
        told["security"] = [{name: [scope]} for scope in scopes for name in SECURITY]
    elif with_keys:
        told["security"] = []
    if route.parameters:
        told["parameters"] = [_parameter(parameter, schemas) for parameter in route.parameters]
    if route.body is not None:
        told["requestBody"] = _body(route.body, route.data, schemas)
    told["responses"] = {str(status): _answer(answer, schemas) for status, answer in sorted(route.answers.items())}
    return told


def keyed(route: Route) -> Route:
    """Return the route where there are keys: it refuses who has none."""
    if route.path in PUBLIC_PATHS:
        return route
    form = protocol_error_response if route.path == V2 or route.path.startswith(f"{V2}/") else problem_response
    return route._replace(answers={**route.answers, 401: form(*NO_KEY), 403: form(*WRONG_KEY)})


def operation_id(route: Route) -> str:
    """Return the name of a route's method in generated clients."""
    words = re.findall(r"[A-Za-z0-9]+", route.path) or ["index"]
    return route.operation or "_".join([route.method.lower(), *words])


def _parameter(parameter: Parameter, schemas: Schemas) -> Json:
    told: Json = {"name": parameter.name, "in": parameter.where, "description": parameter.description}
    if parameter.required or parameter.where == "path":
        told["required"] = True
    told["schema"] = schemas.of(parameter.schema)
    if parameter.example is not None:
        told["example"] = parameter.example
    elif parameter.examples:
        told["examples"] = {name: {"value": value} for name, value in parameter.examples.items()}
    return told


def _body(body: RequestBody, data: str, schemas: Schemas) -> Json:
    content: Json = {}
    examples: Mapping[str, Any] = {JSON: json.loads(data), **body.examples} if data else body.examples
    for media, kind in body.contents.items():
        content[media] = {"schema": schemas.of(kind)}
        if media in examples:
            content[media]["example"] = examples[media]
    return {"required": body.required, "content": content}


def _answer(answer: ResponseSpec, schemas: Schemas) -> Json:
    told: Json = {"description": answer.description}
    if answer.headers:
        told["headers"] = {
            name: {"description": meaning, "required": name in REQUIRED_HEADERS, "schema": {"type": "string"}}
            for name, meaning in answer.headers.items()
        }
    if answer.contents:
        told["content"] = {media: {"schema": schemas.of(kind)} for media, kind in answer.contents.items()}
    if answer.links:
        told["links"] = dict(answer.links)
    return told


def _tag(route: Route) -> str:
    """Return the first word of the path, but for the verbs, which are one family, and what stands alone."""
    words = route.path.strip("/").split("/")
    if words[-1] in VERBS:
        return "trinity"
    return "service" if words[0] in SERVICE_PATHS else words[0]


def _tidy(schema: Any) -> Any:
    """Return a schema in fewer words: nothing empty, no choice of choices, no list of one value.

    Generators of clients refuse defaults that are objects, and make a class of every list of values.
    """
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _within(key, value) for key, value in schema.items() if (key, value) not in EMPTY}
    if isinstance(choices := tidy.get("anyOf"), list):
        nested = [choice["anyOf"] if choice.keys() == {"anyOf"} else [choice] for choice in choices]
        tidy["anyOf"] = [choice for each in nested for choice in each]
    if len(tidy.get("enum", ())) == 1:
        tidy["const"] = tidy.pop("enum")[0]
    return tidy


def _within(key: str, value: Any) -> Any:
    """Return what stands under a word of a schema: the names of properties are their author's, such as `default`."""
    if key == "properties":
        return {name: _tidy(schema) for name, schema in value.items()}
    return value if key in DATA else _tidy(value)
