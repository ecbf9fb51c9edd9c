"""The routes as an OpenAPI 3.1 document."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from app.schemas.media_types import JSON
from app.schemas.verbs import VERBS
from app.schemas.version import VERSION
from app.serve.middleware.api_keys import PUBLIC_PATHS
from app.serve.middleware.route_scopes import scopes_of
from app.serve.openapi.parts import Parameter, RequestBody, ResponseSpec, ResponseSpecs, path_parameters
from app.serve.openapi.schemas import REF
from app.serve.problems import below_v2
from app.serve.resources.route import Route, public_routes
from app.settings import Mode, Settings

Json = dict[str, Any]

ABOUT = {
    Mode.SYNC: "This service runs in sync mode: a response has the result of its request. There are no jobs, and no "
    "paths below /jobs.",
    Mode.ASYNC: "This service runs in async mode: a response is 202 with the URL of a job, which a worker runs; "
    "`Prefer: wait=S` waits for the result.",
}
SECURITY: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key as `Authorization: Bearer KEY`."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
KEY_ERRORS: ResponseSpecs = {
    401: ResponseSpec(
        "There is no key, or it is not valid.", headers={"WWW-Authenticate": "What is wrong with the key."}
    ),
    403: ResponseSpec("The key lacks the scope.", headers={"WWW-Authenticate": "The scope that is missing."}),
}
UNKNOWN_PARAMETER = ResponseSpec("The query has an unknown parameter.")
NOT_TAKEN = ResponseSpec("The query has an unknown parameter, or the request has a body.")
SERVICE_PATHS = {"", "docs", "metrics", "openapi.json", "ping"}
EMPTY: list[tuple[str, Any]] = [("required", []), ("default", {})]
DATA = {"const", "default", "enum", "examples"}  # the values of these members are data, not schemas
REQUIRED_HEADERS = {"Allow", "ETag", "Location", "Retry-After", "WWW-Authenticate"}


def document(routes: Iterable[Route], settings: Settings, members: Iterable[Any] = ()) -> Json:
    """Return the document for the public routes of the mode; `members` are Structs that only unions refer to."""
    shown = public_routes(routes, settings.mode)
    schemas = Schemas([*_types(shown), *members])
    paths: dict[str, Json] = {}
    for route in shown:
        operation = _operation(route, schemas, with_keys=bool(settings.api_keys))
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    components: Json = {"schemas": schemas.components}
    if settings.api_keys:
        components["securitySchemes"] = SECURITY
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Trinity",
            "version": VERSION,
            "summary": "A model with fit, predict and score, over HTTP.",
            "description": ABOUT[settings.mode],
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": name} for name in dict.fromkeys(_tag(route) for route in shown)],
        "paths": paths,
        "components": components,
    }


class Schemas:
    """The JSON Schemas of types: Structs become components, and references to them."""

    def __init__(self, types: Iterable[Any]) -> None:
        unique = {id(kind): kind for kind in types if not isinstance(kind, dict)}
        found, components = msgspec.json.schema_components(unique.values(), ref_template=REF)
        self._found = dict(zip(unique, map(_tidy, found), strict=True))
        self.components = {name: _tidy(schema) for name, schema in components.items()}

    def of(self, kind: Any) -> Json:
        """Return the schema of a type; a JSON Schema stays as it is."""
        return kind if isinstance(kind, dict) else self._found[id(kind)]


def _types(routes: Iterable[Route]) -> Iterable[Any]:
    for route in routes:
        for parameter in route.parameters:
            yield parameter.schema
        for response in route.responses.values():
            yield from response.contents.values()
        if route.body is not None:
            yield from route.body.contents.values()


def complete_routes(routes: Iterable[Route], settings: Settings) -> list[Route]:
    """Return the routes with the parts that depend on the settings, and with the errors of the middleware."""
    parameters = path_parameters(settings.default_model)
    return [route.complete(parameters, _head_errors(route, with_keys=bool(settings.api_keys))) for route in routes]


def _head_errors(route: Route, *, with_keys: bool) -> ResponseSpecs:
    """Return the errors for the head of a request: its key, unknown names in its query, a body that is not read."""
    found = dict(KEY_ERRORS) if with_keys and route.path not in PUBLIC_PATHS else {}
    status = HTTPStatus.BAD_REQUEST if below_v2(route.path) else HTTPStatus.UNPROCESSABLE_ENTITY
    if not route.reads_query and status not in route.responses:
        found[status] = NOT_TAKEN if route.refuses_body else UNKNOWN_PARAMETER
    return found


def _operation(route: Route, schemas: Schemas, *, with_keys: bool) -> Json:
    summary, _, rest = route.description.partition(". ")
    words = re.findall(r"[A-Za-z0-9]+", route.path)
    operation: Json = {
        "operationId": route.operation or "_".join([route.method.lower(), *words]),
        "tags": [_tag(route)],
        "summary": summary.rstrip("."),
    }
    if rest:
        operation["description"] = route.description
    if with_keys:
        operation["security"] = _security(route)
    if route.parameters:
        operation["parameters"] = [_parameter(parameter, schemas) for parameter in route.parameters]
    if route.body is not None:
        operation["requestBody"] = _body(route.body, schemas)
    responses = sorted(route.responses.items())
    operation["responses"] = {str(status): _response(response, schemas) for status, response in responses}
    return operation


def _security(route: Route) -> list[Json]:
    if route.path in PUBLIC_PATHS:
        return []
    scopes = sorted(scopes_of(route))
    return [{name: [scope]} for scope in scopes for name in SECURITY]


def _parameter(parameter: Parameter, schemas: Schemas) -> Json:
    found: Json = {"name": parameter.name, "in": parameter.where, "description": parameter.description}
    if parameter.where == "path":
        found["required"] = True
    found["schema"] = schemas.of(parameter.schema)
    if parameter.example is not None:
        found["example"] = parameter.example
    elif parameter.examples:
        found["examples"] = {name: {"value": value} for name, value in parameter.examples.items()}
    return found


def _body(body: RequestBody, schemas: Schemas) -> Json:
    content: Json = {media: {"schema": schemas.of(kind)} for media, kind in body.contents.items()}
    for media, example in body.examples.items():
        content[media]["example"] = msgspec.json.decode(example) if media == JSON else example
    return {"required": body.required, "content": content}


def _response(response: ResponseSpec, schemas: Schemas) -> Json:
    found: Json = {"description": response.description}
    if response.headers:
        found["headers"] = {
            name: {"description": meaning, "required": name in REQUIRED_HEADERS, "schema": {"type": "string"}}
            for name, meaning in response.headers.items()
        }
    if response.contents:
        found["content"] = {media: {"schema": schemas.of(kind)} for media, kind in response.contents.items()}
    return found


def _tag(route: Route) -> str:
    """Return the first word of the path, `trinity` for the verbs, and `service` for single paths."""
    words = route.path.strip("/").split("/")
    if words[-1] in VERBS:
        return "trinity"
    return "service" if words[0] in SERVICE_PATHS else words[0]


def _tidy(schema: Any) -> Any:
    """Return a schema in the form that generators of clients accept.

    Empty defaults and `required` are removed, nested `anyOf` are joined, and an enum of one value becomes `const`.
    """
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _tidy_member(key, value) for key, value in schema.items() if (key, value) not in EMPTY}
    if isinstance(choices := tidy.get("anyOf"), list):
        nested = [choice["anyOf"] if choice.keys() == {"anyOf"} else [choice] for choice in choices]
        tidy["anyOf"] = [choice for each in nested for choice in each]
    if len(tidy.get("enum", ())) == 1:
        tidy["const"] = tidy.pop("enum")[0]
    return tidy


def _tidy_member(key: str, value: Any) -> Any:
    """Return the value of a member of a schema; names of properties may equal keywords of JSON Schema."""
    if key == "properties":
        return {name: _tidy(schema) for name, schema in value.items()}
    return value if key in DATA else _tidy(value)
