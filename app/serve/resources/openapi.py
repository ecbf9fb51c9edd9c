"""GET /openapi.json: the document, encoded once, and sent only to those who don't have it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import msgspec
from falcon.asgi import Request, Response

from app.serve.caching import REVALIDATE, StaticFile, send_cached
from app.serve.openapi.terms import JSON


class OpenApi:
    """GET /openapi.json; `make` makes the document when it is first asked for, long after every route is known."""

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make

    async def on_get(self, req: Request, resp: Response) -> None:
        """Send the document, or say that the caller's is the same."""
        send_cached(req, resp, self._text, JSON, REVALIDATE)

    @cached_property
    def _text(self) -> StaticFile:
        return StaticFile(msgspec.json.encode(self._make()))
