"""Descriptions of the service: the list of routes (GET /), /openapi.json, and /docs, which is Swagger UI."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from falcon.asgi import Request, Response

from app.errors import NotFound
from app.schemas.media_types import JSON
from app.serve.caching import IMMUTABLE, MEDIA_TYPES, REVALIDATE, StaticFile, send_cached, set_security_headers
from app.serve.openapi.model_paths import with_models
from app.serve.openapi.parts import IF_NONE_MATCH, TEXT, ResponseSpec
from app.serve.resources.route import Route, public_routes, route
from app.service.served_versions import Pointer, ServedVersions
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
KEPT = 4  # documents, and pages, of different root paths
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


def route_list(routes: Iterable[Route], mode: Mode, origin: str, root_path: str = "") -> RouteList:
    """Return the routes of a mode for people; the service's URL is `origin` and `root_path`."""
    return RouteList("trinity", mode, [describe(route, origin, root_path) for route in public_routes(routes, mode)])


def describe(route: Route, origin: str, root_path: str) -> RouteInfo:
    """Return the route for people, with a command for curl that works as it stands."""
    words = ["curl"]
    if route.body is not None and JSON in route.body.examples:
        words += [f"-H 'Content-Type: {JSON}'", f"-d '{route.body.examples[JSON]}'"]
    if route.example_field:
        words.append(f"-F {route.example_field}=@{route.example_file}")
    elif route.example_file:
        words += [f"-H 'Content-Type: application/octet-stream' --data-binary @{route.example_file}"]
    if route.method != ("GET" if len(words) == 1 else "POST"):
        words.append(f"-X {route.method}")
    # $job is the path that Location gave, root path included
    address = origin + ("" if route.example_path.startswith("$") else root_path) + route.example_path
    if "$" in address:
        address = f'"{address}"'
    example = " ".join([*words, address])
    if route.setup:
        setup = route.setup.replace("{base}$", f"{origin}$").replace("{base}", origin + root_path)
        example = f"{setup}; {example}"
    answers = {str(status): response.description for status, response in sorted(route.responses.items())}
    return RouteInfo(route.method, route.path, route.description, example, answers)


class DocumentResource:
    """GET /openapi.json, and /docs with its files, whose paths change with their version.

    `make` makes the document without models at the first request, when every route is known. The document is made
    again when another version serves.
    """

    def __init__(self, make: Callable[[], dict[str, Any]], served: ServedVersions) -> None:
        self._make = cache(make)
        self._served = served
        self._page_below = lru_cache(KEPT)(_page_below)
        self._document_below = lru_cache(KEPT)(self._make_document)

    @route(
        "/openapi.json",
        "This service as an OpenAPI 3.1 document.",
        {200: ResponseSpec("The document.", {JSON: {"type": "object"}}, ETAG), 304: NOT_MODIFIED},
        parameters=(IF_NONE_MATCH,),
        operation="openapi",
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        send_cached(req, resp, await asyncio.to_thread(self._document, req.root_path), JSON, REVALIDATE)

    def _document(self, root_path: str) -> StaticFile:
        return self._document_below(root_path, self._served.pointers())

    def _make_document(self, root_path: str, pointers: tuple[Pointer, ...]) -> StaticFile:
        document = self._make() | {"servers": [{"url": root_path or "/"}]}
        document = with_models(document, self._served.read(pointers), self._served.estimators)
        return StaticFile(msgspec.json.encode(document))

    @route(
        "/docs",
        "The document as a page to try the service, Swagger UI.",
        {200: ResponseSpec("The page.", {"text/html": TEXT}, ETAG), 304: NOT_MODIFIED},
        parameters=(IF_NONE_MATCH,),
        operation="docs",
    )
    async def on_get_page(self, req: Request, resp: Response) -> None:
        set_security_headers(resp)
        send_cached(req, resp, self._page_below(req.root_path), "text/html; charset=utf-8", REVALIDATE)

    @route("/docs/{release}/{name}", "A file of that page.", public=False)
    async def on_get_file(self, req: Request, resp: Response, release: str, name: str) -> None:
        if release != SWAGGER_UI or name not in FILES:
            raise NotFound(f"there is no file {name[:64]!r} of {release[:64]!r}")
        set_security_headers(resp)
        send_cached(req, resp, _file(name), MEDIA_TYPES[Path(name).suffix], IMMUTABLE)


def _page_below(root_path: str) -> StaticFile:
    text = (ASSETS / "docs.html").read_text(encoding="utf-8")
    return StaticFile(text.replace("{ROOT}", root_path).replace("{BASE}", f"{root_path}{BASE}").encode())


@cache
def _file(name: str) -> StaticFile:
    path = ASSETS / FILES[name]
    content = path.read_bytes()
    return StaticFile(gzip.decompress(content), content) if path.suffix == ".gz" else StaticFile(content)
