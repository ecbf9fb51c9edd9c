"""The routes that describe the service, its page among them: what each takes and may answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.serve.openapi import parameters
from app.serve.openapi.terms import JSON, Contents, Parameter, ResponseSpec
from app.serve.page.assets import Assets
from app.serve.page.page import HomePage
from app.serve.resources.docs import Docs, DocsFile
from app.serve.resources.index import Listing
from app.serve.resources.openapi import OpenApi
from app.serve.resources.route import Route

PAGE: Contents = {"text/html": {"type": "string"}}
SHOWN = (
    Parameter("model", str, "The page: the model that is shown, else the default or one that is fitted."),
    Parameter("version", str, "The page: its version, a number or an alias, else the latest."),
    Parameter("output", str, "The page: the output that is drawn, a number from 1."),
)


def document_routes(front: HomePage, make: Callable[[], dict[str, Any]], assets: Assets) -> list[Route]:
    """Return the page, the list and the document, and the files of the pages."""
    etag = {"ETag": "Changes with the document."}
    same = ResponseSpec("The caller has it already.", {}, etag)
    return [
        Route(
            "GET",
            "/",
            front,
            "This list; a page where a browser asks for HTML.",
            answers={
                200: ResponseSpec("The routes, or the page.", {JSON: Listing, **PAGE}),
                404: ResponseSpec("The page, without what was asked for: there is none.", PAGE),
                500: ResponseSpec("The page, without the version asked for: it is damaged on disk.", PAGE),
                503: ResponseSpec("The page, without what can't be read from the store now.", PAGE),
            },
            parameters=SHOWN,
            operation="index",
        ),
        Route(
            "GET",
            "/openapi.json",
            OpenApi(make),
            "This service as an OpenAPI 3.1 document.",
            answers={200: ResponseSpec("The document.", {JSON: {"type": "object"}}, etag), 304: same},
            parameters=(parameters.IF_NONE_MATCH,),
            operation="openapi",
        ),
        Route(
            "GET",
            "/docs",
            Docs(),
            "The document as a page to try it, Swagger UI.",
            answers={200: ResponseSpec("The page.", PAGE, etag), 304: same},
            parameters=(parameters.IF_NONE_MATCH,),
            operation="docs",
        ),
        Route("GET", "/docs/{release}/{name}", DocsFile(), "A file of that page.", public=False),
        Route("GET", assets.path, assets, "A file of the page at /.", public=False),
    ]
