"""CSV bodies: the table is the body, all else (model, target, version, timeout, parameters) is in the query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.data.table import read_csv
from app.errors import Invalid
from app.pointers import escaped
from app.schemas import Request, Verb
from app.serve.query import take_request


def parse_csv(verb: Verb, body: bytes, query: Mapping[str, str | list[str]]) -> Request:
    """Read the table from the body and all else from the query; what has no meaning here is the model's parameter."""
    rest = dict(query)
    target = rest.pop("target", [])
    target = [target] if isinstance(target, str) else target
    request = take_request(rest)
    if verb == "fit" and request.version is not None:
        raise Invalid.at("/version", "a fit makes a new version")
    if verb != "fit" and rest:
        raise Invalid.at(escaped(next(iter(rest))), "unknown query parameter")
    if verb == "fit" and not target:
        raise Invalid.at("/target", "name the column to predict, ?target=…")
    request.table = read_csv(body, target)
    request.params = {key: _loose(value) for key, value in rest.items()}
    return request


def _loose(value: str | list[str]) -> Any:
    """Return what JSON makes of a query parameter: a number, a truth value, or text as it stands."""
    try:
        return msgspec.json.decode(value) if isinstance(value, str) else [_loose(item) for item in value]
    except (msgspec.DecodeError, RecursionError):
        return value
