"""What describes the service: the list of routes (GET /), /openapi.json, and /docs, which is Swagger UI."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec
from falcon.asgi import Request, Response

from app.errors import NotFound
from app.schemas.media_types import JSON
from app.serve.caching import IMMUTABLE, MEDIA_TYPES, REVALIDATE, StaticFile, send_cached, set_security_headers
from app.serve.openapi.parts import IF_NONE_MATCH, TEXT, ResponseSpec
from app.serve.resources.route import Route, public_routes, route
from app.settings import Mode

ASSETS = Path(__file__).resolve().parents[1] / "swagger_ui"
SWAGGER_UI = "swagger-ui-5.35.0"
FILES = {
    "swagger-ui-bundle.js": f"{SWAGGER_UI}/swagger-ui-bundle.js.gz",
    "swagger-ui.css": f"{SWAGGER_UI}/swagger-ui.css.gz",
    "favicon-32x32.png": f"{SWAGGER_UI}/favicon-32x32.png",
    "docs.js": "docs.js",
}
BASE = f"/docs/{SWAGGER_UI}"
ETAG = {"ETag": "Changes with the document."}
NOT_MODIFIED = ResponseSpec("The caller has this version.", {}, ETAG)


class RouteInfo(msgspec.Struct):
    """A route for people: an example for a shell, and each response by status."""

    method: str
    path: str
    description: str
    example: str
    answers: dict[str, str]


class RouteList(msgspec.Struct):
    """The service's name, its mode, and every route of that mode."""

    name: Literal["trinity"]
    mode: Mode
    routes: list[RouteInfo]


def route_list(routes: Iterable[Route], mode: Mode, base: str) -> RouteList:
    """Return the routes of a mode for people; `base` is the service's URL."""
    return RouteList("trinity", mode, [describe(route, base) for route in public_routes(routes, mode)])


def describe(route: Route, base: str) -> RouteInfo:
    """Return the route for people, with a command for curl that works as it stands."""
    words = ["curl"]
    if route.body is not None and JSON in route.body.examples:
        words += [f"-H 'Content-Type: {JSON}'", f"-d '{route.body.examples[JSON]}'"]
    elif route.method != "GET":
        words.append(f"-X {route.method}")
    address = base + route.example_path
    if "$" in address:
        address = f'"{address}"'
    example = " ".join([*words, address])
    if route.setup:
        example = f"{route.setup.replace('{base}', base)}; {example}"
    answers = {str(status): response.description for status, response in sorted(route.responses.items())}
    return RouteInfo(route.method, route.path, route.description, example, answers)


class DocumentResource:
    """GET /openapi.json, and /docs with its files, whose paths change with their version.

    `make` makes the document at the first request, when every route is known.
    """

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make
        self._page = StaticFile((ASSETS / "docs.html").read_bytes().replace(b"{BASE}", BASE.encode()))

    @route(
        "/openapi.json",
        "This service as an OpenAPI 3.1 document.",
        {200: ResponseSpec("The document.", {JSON: {"type": "object"}}, ETAG), 304: NOT_MODIFIED},
        parameters=(IF_NONE_MATCH,),
        operation="openapi",
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        send_cached(req, resp, self._document, JSON, REVALIDATE)

    @cached_property
    def _document(self) -> StaticFile:
        return StaticFile(msgspec.json.encode(self._make()))

    @route(
        "/docs",
        "The document as a page to try the service, Swagger UI.",
        {200: ResponseSpec("The page.", {"text/html": TEXT}, ETAG), 304: NOT_MODIFIED},
        parameters=(IF_NONE_MATCH,),
        operation="docs",
    )
    async def on_get_page(self, req: Request, resp: Response) -> None:
        set_security_headers(resp)
        send_cached(req, resp, self._page, "text/html; charset=utf-8", REVALIDATE)

    @route("/docs/{release}/{name}", "A file of that page.", public=False)
    async def on_get_file(self, req: Request, resp: Response, release: str, name: str) -> None:
        if release != SWAGGER_UI or name not in FILES:
            raise NotFound(f"there is no file {name[:64]!r} of {release[:64]!r}")
        set_security_headers(resp)
        send_cached(req, resp, _file(name), MEDIA_TYPES[Path(name).suffix], IMMUTABLE)


@cache
def _file(name: str) -> StaticFile:
    path = ASSETS / FILES[name]
    content = path.read_bytes()
    return StaticFile(gzip.decompress(content), content) if path.suffix == ".gz" else StaticFile(content)
