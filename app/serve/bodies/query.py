"""The query of a request whose body holds data alone, such as CSV or npy."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from app.errors import Invalid
from app.schemas.requests import Request, Timeout, Webhook, parse_version

Values: TypeAlias = dict[str, str | list[str]]


def take_request(query: Values) -> Request:
    """Take model, version, timeout and webhook out of the query; raise Invalid for a value that is not valid."""
    url = _single("webhook", query)
    return Request(
        model=_single("model", query),
        version=parse_version(_single("version", query)),
        timeout=_timeout(_single("timeout", query)),
        webhook=None if url is None else Webhook(url),
    )


def _single(name: str, query: Values) -> str | None:
    value = query.pop(name, None)
    if isinstance(value, list):
        raise Invalid.at(f"/{name}", "given more than once")
    return value


def _timeout(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Timeout)
    except msgspec.DecodeError:
        raise Invalid.at("/timeout", "a timeout is a number of seconds, over 0") from None
