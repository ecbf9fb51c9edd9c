"""The formats of request bodies. A new format is a module with its reader, and a line in this table."""

from __future__ import annotations

from collections.abc import Iterable

from app.data.csv_reader.charset import refuse_workbook
from app.errors import Invalid, UnsupportedMediaType
from app.schemas.media_types import essence
from app.schemas.pointers import escaped
from app.schemas.query import Query
from app.schemas.requests import Request
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies import csv_body, json_body, npy_body
from app.serve.bodies.query import check_named
from app.serve.bodies.reader import Body, Reader

READERS: dict[str, Reader] = {
    reader.media_type: reader for reader in (json_body.READER, csv_body.READER, npy_body.READER)
}
"""The readers by media type, in the order in which messages and the OpenAPI document name them."""
MAX_SHOWN = 127  # characters of a media type; RFC 6838 allows 127 on each side
DEFAULT = json_body.READER  # of an empty body without a Content-Type


def readers(verb: Verb) -> list[Reader]:
    """Return the readers of the formats that a verb accepts."""
    return [reader for reader in READERS.values() if reader.holds_y or not VERBS[verb].needs_y]


def reader_for(verb: Verb, content_type: str | None, body: Body) -> Reader:
    """Return the reader of a body; raise UnsupportedMediaType if a verb has none, Malformed for a workbook."""
    reader = READERS.get(content_type or "")  # mostly as it is registered
    if reader is None:
        media_type = essence(content_type)
        if not media_type and not bytes(body).strip():
            return DEFAULT
        reader = READERS.get(media_type)
        if reader is None:
            refuse_workbook(body)
            found = media_type[:MAX_SHOWN] or "a body without a Content-Type"
            raise UnsupportedMediaType(f"can't read {found}; send {_listed(readers(verb))}")
    if VERBS[verb].needs_y and not reader.holds_y:
        verbs = " and ".join(name for name, spec in VERBS.items() if not spec.needs_y)
        raise UnsupportedMediaType(
            f"{reader.media_type} has only X, so it is for {verbs}; send {_listed(readers(verb))}"
        )
    return reader


def parse(verb: Verb, reader: Reader, body: Body, query: Query, name: str | None) -> Request:
    """Convert a body to a Request for the model `name` in the path."""
    if query and not reader.with_query:
        others = " and ".join(other.name for other in READERS.values() if other.with_query)
        fault = f"query parameters go with {others}; in {reader.name} they are members of the body"
        raise Invalid.at(escaped(next(iter(query))), fault)
    request = reader.parse(verb, body, query)
    check_named(request, name)
    if name is not None:
        request.model = name
    return request


def _listed(readers: Iterable[Reader]) -> str:
    *others, last = [reader.media_type for reader in readers]
    return f"{', '.join(others)} or {last}" if others else last
