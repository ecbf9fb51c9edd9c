"""CSV bodies: the table is the body, everything else (model, target, version, timeout, parameters) is in the query."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from falcon import parse_header

from app.data.csv_reader.charset import check_encoding_name
from app.data.csv_reader.csv_records import CsvRecords
from app.data.csv_reader.options import HEADERS, take_options
from app.errors import Invalid, UnsupportedMediaType
from app.schemas.media_types import CSV
from app.schemas.query import OpenQuery, Query, refuse_rest, take_all
from app.schemas.requests import Request
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies.query import take_request
from app.serve.bodies.reader import Body, Reader


def parameters(content_type: str) -> Query:
    """Return header and charset of a Content-Type (RFC 4180 §3); raise UnsupportedMediaType for unknown values."""
    _, given = parse_header(content_type)
    found: OpenQuery = {}
    if "charset" in given:
        try:
            found["encoding"] = check_encoding_name(given["charset"])
        except Invalid as error:
            raise UnsupportedMediaType(error.detail) from None
    if "header" in given:
        found["header"] = given["header"].lower()
        if found["header"] not in HEADERS:
            raise UnsupportedMediaType(f"header={given['header'][:64]} is neither header=present nor header=absent")
    return found


def parse_csv(verb: Verb, body: Body, query: Query) -> Request:
    """Read the table from the body and the rest from the query, whose unknown members are the model's parameters."""
    rest = dict(query)
    target = take_all(rest, "target")
    options = take_options(rest)
    request = take_request(verb, rest)
    if VERBS[verb].publishes and request.version is not None:
        raise Invalid.at("/version", "a fit makes a new version")
    if not VERBS[verb].publishes:
        refuse_rest(rest)
    if VERBS[verb].publishes and not target:
        raise Invalid.at("/target", "name the column to predict, ?target=…")
    request.data = CsvRecords(body, options)
    request.target = target
    request.params = {key: _loose(value) for key, value in rest.items()}
    return request


def hold_out(verb: Verb, request: Request, body: Body) -> None:
    """Take the rows of a gate from a table in the same dialect as the fit's; raise Invalid."""
    if not VERBS[verb].publishes or request.promote is None:
        raise Invalid.at("/promote_on", "these rows go with a fit that has `promote`")
    if request.promote.source is not None or request.promote.data is not None:
        raise Invalid.at("/promote_on", "the rows of the gate are given twice")
    request.promote.data = request.data.beside(body) if isinstance(request.data, CsvRecords) else CsvRecords(body)


def _loose(value: str | list[str]) -> Any:
    """Return the JSON value of a query parameter: a number, a truth value, or otherwise its text."""
    try:
        return msgspec.json.decode(value) if isinstance(value, str) else [_loose(item) for item in value]
    except (msgspec.DecodeError, RecursionError):
        return value


READER = Reader(
    CSV,
    "CSV",
    parse_csv,
    parameters=parameters,
    schema=Annotated[
        str,
        msgspec.Meta(
            description="A table, by default in UTF-8 and with a header. All columns but the targets are inputs.",
            extra_json_schema={"format": "csv"},
        ),
    ],
)
