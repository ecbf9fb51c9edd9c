"""Uploads as multipart/form-data (RFC 7578), as `curl -F` and forms of browsers send them: a file, and fields."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import PurePath
from typing import NamedTuple

from falcon import parse_header
from falcon.media.multipart import BodyPart, MultipartForm, MultipartParseError, MultipartParseOptions

from app.errors import Invalid, Malformed
from app.schemas.media_types import CSV, JSON, essence
from app.schemas.pointers import escaped
from app.schemas.query import OpenQuery, Query
from app.serve.bodies.reader import Body

MULTIPART = "multipart/form-data"
FILE = "file"
"""The field that holds the body; the other fields are members of the query."""
HELD_OUT = "promote_on"
"""The field of a second file: a table with the rows of a gate."""
MAX_FIELDS = 64
MAX_FIELD_BYTES = 65_536
MAX_SHOWN = 64  # characters of a name
MAX_EPILOGUE_BYTES = 1_024  # after the last boundary, where nothing should be
UNKNOWN_TYPES = {"", "text/plain", "application/octet-stream", "application/vnd.ms-excel"}
"""Media types that clients send for unknown files; the last is the type that Windows sends for CSV."""
TYPES = {".csv": CSV, ".tsv": CSV, ".txt": CSV, ".gz": CSV, ".json": JSON, ".npy": "application/x-npy"}


class Upload(NamedTuple):
    """A body, its Content-Type, and the query that goes with it."""

    content_type: str | None
    body: Body
    query: Query
    held_out: Body | None = None
    """A table with the rows of a gate, if the form has one."""


def opened(upload: Upload) -> Upload:
    """Return the file and the fields of a form as an upload; return any other upload unchanged.

    Raise Malformed for a form that cannot be read, Invalid for one without a file or with a member given twice.
    """
    if essence(upload.content_type) != MULTIPART:
        return upload
    with form_errors():
        files, held_out, fields = _read(_form(upload))
    query = with_fields(upload.query, fields)
    if len(files) != 1:
        found = "no" if not files else "more than one"
        raise Invalid.at(f"/{FILE}", f"the form has {found} field {FILE!r}; send the data as that one file")
    if len(held_out) > 1:
        raise repeated(HELD_OUT)
    return files[0]._replace(query=query, held_out=held_out[0] if held_out else None)


def _read(form: MultipartForm) -> tuple[list[Upload], list[bytes], OpenQuery]:
    """Return the files, those with rows of a gate, and the other fields.

    Each of these has its value or, if it comes several times, its values.
    """
    files: list[Upload] = []
    held_out: list[bytes] = []
    fields: OpenQuery = {}
    for part in form:
        name = part.name or ""
        if name == FILE:
            files.append(Upload(_content_type(part), part.stream.read(), {}))
        elif name == HELD_OUT:
            held_out.append(part.stream.read())
        else:
            fields[name] = joined(fields.get(name), _field(part))
    return files, held_out, fields


def _field(part: BodyPart) -> str:
    try:
        return part.get_data().decode()
    except (MultipartParseError, UnicodeDecodeError):
        if part.filename is None:
            raise
        raise misnamed(part.name or "", FILE) from None


def _form(upload: Upload) -> MultipartForm:
    boundary = boundary_of(upload.content_type)
    if f"--{boundary}--".encode() not in bytes(upload.body[-MAX_EPILOGUE_BYTES:]):
        raise Malformed("the form ends before its last boundary")
    return MultipartForm(BytesIO(upload.body), boundary.encode(), len(upload.body), parse_options())


@contextmanager
def form_errors() -> Iterator[None]:
    """Raise Malformed if a form cannot be read."""
    try:
        yield
    except MultipartParseError as error:
        raise Malformed(f"the form cannot be read: {error.description}") from None
    except ValueError:  # of a name that is not UTF-8
        raise Malformed("the form cannot be read: a name or a value is not UTF-8") from None


def with_fields(query: Query, fields: OpenQuery) -> OpenQuery:
    """Return a query with the fields of a form; raise Invalid for a name that both have."""
    if twice := next((name for name in fields if name in query), None):
        raise Invalid.at(escaped(twice), "given in the form and in the query")
    return {**query, **fields}


def parse_options() -> MultipartParseOptions:
    """Return how many fields a form may have, and how large they may be."""
    options = MultipartParseOptions()
    options.max_body_part_count, options.max_body_part_buffer_size = MAX_FIELDS, MAX_FIELD_BYTES
    return options


def boundary_of(content_type: str | None) -> str:
    """Return the boundary of a form; raise Malformed for one that is not valid (RFC 2046 §5.1.1)."""
    boundary = parse_header(content_type or "")[1].get("boundary", "")
    if not boundary or not boundary.isascii() or len(boundary) > 70:  # noqa: PLR2004
        raise Malformed("the Content-Type of the form has no boundary of 1 to 70 characters")
    return boundary


def _content_type(part: BodyPart) -> str:
    """Return the type of a file: the client's, or by the file's name if that is unknown, or else CSV."""
    said: str = part.content_type or ""
    if essence(said) not in UNKNOWN_TYPES:
        return said
    return TYPES.get(PurePath(part.filename or "").suffix.lower(), CSV)


def misnamed(name: str, file_field: str) -> Invalid:
    """Return the error for a file in a field for text."""
    shown = name[:MAX_SHOWN]
    return Invalid.at(escaped(name), f"a file is in the field {shown!r}; send it as the field {file_field!r}")


def repeated(name: str) -> Invalid:
    """Return the error for a file that may be sent once."""
    return Invalid.at(escaped(name), f"the form has more than one field {name!r}")


def joined(earlier: str | list[str] | None, value: str) -> str | list[str]:
    """Return the values of a field that may come several times."""
    if earlier is None:
        return value
    return [*earlier, value] if isinstance(earlier, list) else [earlier, value]
