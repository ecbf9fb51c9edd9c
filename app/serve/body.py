"""The body of a request: read within its limit, and turned into a Request by the reader of its media type."""

from __future__ import annotations

from collections.abc import Mapping

from falcon.asgi import Request as HttpRequest

from app.errors import Invalid, TooLarge, UnsupportedMediaType
from app.schemas import Request, Verb
from app.serve.csv_body import parse_csv
from app.serve.json_body import parse_json

JSON = "application/json"
CSV = "text/csv"


async def read_body(req: HttpRequest, max_body_bytes: int) -> bytes:
    """Return the whole body; raise TooLarge before more than the limit is held."""
    length = req.content_length
    if length is not None:
        if length > max_body_bytes:
            raise TooLarge(f"the body has {length} bytes, the limit is {max_body_bytes}")
        return await req.stream.read()
    chunks, size = [], 0
    async for chunk in req.stream:
        size += len(chunk)
        if size > max_body_bytes:
            raise TooLarge(f"the body has over {max_body_bytes} bytes, which is the limit")
        chunks.append(chunk)
    return b"".join(chunks)


def media_type(req: HttpRequest, body: bytes) -> str:
    """Return the body's media type, JSON for an empty body without one; raise UnsupportedMediaType."""
    kind = (req.content_type or "").partition(";")[0].strip().lower()
    if kind in {JSON, CSV}:
        return kind
    if not kind and not body.strip():
        return JSON
    raise UnsupportedMediaType(f"can't read {kind or 'a body without a Content-Type'}; send {JSON} or {CSV}")


def parse(verb: Verb, kind: str, body: bytes, query: Mapping[str, str | list[str]], name: str | None) -> Request:
    """Turn a body of either kind into a Request for the model `name`, which stands in the path."""
    request = parse_csv(verb, body, query) if kind == CSV else parse_json(verb, body)
    if name is not None:
        if request.model not in {None, name}:
            raise Invalid.at("/model", f"the path names model {name[:64]!r}, the body {(request.model or '')[:64]!r}")
        request.model = name
    return request
