"""CSV bodies: the table is the body, all else (model, target, version, timeout, parameters) is in the query."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from falcon import parse_header

from app.data.records import TableRecords
from app.data.table import read_csv
from app.errors import Invalid, UnsupportedMediaType
from app.schemas.media_types import CSV
from app.schemas.pointers import escaped
from app.schemas.requests import Request
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies.query import take_request
from app.serve.bodies.reader import Body, Query, Reader

CHARSETS = ("utf-8", "us-ascii", "utf8")  # the last is no registered name, and often written


def check_parameters(content_type: str) -> None:
    """Raise UnsupportedMediaType for a table without a header, or in another charset (RFC 4180 §3).

    Its first row would be read as names, its text as other text.
    """
    _, parameters = parse_header(content_type)
    if parameters.get("header", "").lower() == "absent":
        raise UnsupportedMediaType("a table without a header can't be read; send the columns' names in the first row")
    if (charset := parameters.get("charset", CHARSETS[0])).lower() not in CHARSETS:
        raise UnsupportedMediaType(f"can't read text/csv in {charset[:64]!r}; send it in {CHARSETS[0]}")


def parse_csv(verb: Verb, body: Body, query: Query) -> Request:
    """Read the table from the body and all else from the query; what has no meaning here is the model's parameter."""
    rest = dict(query)
    target = rest.pop("target", [])
    target = [target] if isinstance(target, str) else target
    request = take_request(verb, rest)
    if VERBS[verb].publishes and request.version is not None:
        raise Invalid.at("/version", "a fit makes a new version")
    if not VERBS[verb].publishes and rest:
        raise Invalid.at(escaped(next(iter(rest))), "unknown query parameter")
    if VERBS[verb].publishes and not target:
        raise Invalid.at("/target", "name the column to predict, ?target=…")
    request.data = TableRecords(read_csv(bytes(body), target))
    request.params = {key: _loose(value) for key, value in rest.items()}
    return request


def _loose(value: str | list[str]) -> Any:
    """Return what JSON makes of a query parameter: a number, a truth value, or text as it stands."""
    try:
        return msgspec.json.decode(value) if isinstance(value, str) else [_loose(item) for item in value]
    except (msgspec.DecodeError, RecursionError):
        return value


READER = Reader(
    CSV,
    "CSV",
    parse_csv,
    check_parameters=check_parameters,
    schema=Annotated[
        str,
        msgspec.Meta(
            description="A table in UTF-8 with a header. Every column is an input, except the targets.",
            extra_json_schema={"format": "csv"},
        ),
    ],
)
