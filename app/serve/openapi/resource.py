"""GET /openapi.json: the document, encoded once, and sent only to those who don't have it."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from functools import cached_property
from http import HTTPStatus
from typing import Any

import msgspec
from falcon.asgi import Request, Response

REFUSED = re.compile(r"q\s*=\s*0(\.0*)?")
CACHE_CONTROL = "no-cache"  # kept, but asked about: a new version may say other things


class OpenApi:
    """GET /openapi.json; `make` makes the document when it is first asked for, long after every route is known."""

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make

    async def on_get(self, req: Request, resp: Response) -> None:
        """Send the document, or say that the caller's is the same."""
        send_cached(req, resp, self._text, "application/json", CACHE_CONTROL)

    @cached_property
    def _text(self) -> Text:
        return Text(msgspec.json.encode(self._make()))


class Text:
    """Bytes that don't change, with their ETags, plain and compressed."""

    def __init__(self, plain: bytes, squeezed: bytes = b"") -> None:
        self.plain = plain
        self.squeezed = squeezed or gzip.compress(plain, 9, mtime=0)
        self.etag = hashlib.sha256(plain).hexdigest()[:32]


def send_cached(req: Request, resp: Response, text: Text, content_type: str, cache_control: str) -> None:
    """Answer with a text that callers may keep: compressed for those who can take it, 304 to those who have it."""
    squeezed = takes_gzip(req.get_header("Accept-Encoding") or "")
    etag = f'"{text.etag}-gzip"' if squeezed else f'"{text.etag}"'
    resp.set_header("ETag", etag)
    resp.set_header("Cache-Control", cache_control)
    resp.set_header("Vary", "Accept-Encoding")
    if _matches(req.get_header("If-None-Match") or "", etag):
        resp.status = HTTPStatus.NOT_MODIFIED
        return
    resp.content_type = content_type
    if squeezed:
        resp.set_header("Content-Encoding", "gzip")
    resp.data = text.squeezed if squeezed else text.plain


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip and doesn't refuse it (RFC 9110 §12.5.3)."""
    for each in accepted.split(","):
        coding, *parameters = (part.strip().lower() for part in each.split(";"))
        if coding == "gzip":
            return not any(REFUSED.fullmatch(parameter) for parameter in parameters)
    return False


def _matches(header: str, etag: str) -> bool:
    """Compare weakly (RFC 9110 §13.1.2): a proxy may have weakened the tag."""
    return header.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in header.split(",")]
