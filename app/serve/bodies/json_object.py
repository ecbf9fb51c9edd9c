"""Small JSON bodies that are one object of a known type, such as those of the registry."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from falcon.asgi import Request as HttpRequest

from app.errors import TooLarge, UnsupportedMediaType
from app.schemas.decoding import decode_json
from app.schemas.media_types import JSON, essence
from app.serve.bodies.json_duplicates import count_members, refuse_duplicates
from app.serve.bodies.json_errors import not_json, wrong
from app.serve.bodies.reader import SMALL_BYTES, Body

S = TypeVar("S", bound=msgspec.Struct)


def decode_object(req: HttpRequest, body: Body, kind: type[S]) -> S:
    """Decode a body; raise UnsupportedMediaType, TooLarge, Malformed, or Invalid with a pointer."""
    media_type = essence(req.content_type or JSON)
    if media_type != JSON:
        raise UnsupportedMediaType(f"can't read {media_type[:127]}; send {JSON}")
    if len(body) > SMALL_BYTES:
        raise TooLarge(f"the body has {len(body)} bytes, the limit here is {SMALL_BYTES}")
    text = bytes(body)
    try:
        decoded = decode_json(text, kind)
    except msgspec.ValidationError as error:
        raise wrong(text, error, kind=kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(text, error) from None
    refuse_duplicates(text, lambda: count_members(msgspec.json.decode(text)))
    return decoded
