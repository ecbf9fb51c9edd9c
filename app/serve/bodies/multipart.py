"""Uploads as multipart/form-data (RFC 7578), as `curl -F` and forms of browsers send them: a file, and fields."""

from __future__ import annotations

from io import BytesIO
from pathlib import PurePath
from typing import NamedTuple

from falcon import parse_header
from falcon.media.multipart import BodyPart, MultipartForm, MultipartParseError, MultipartParseOptions

from app.errors import Invalid, Malformed
from app.schemas.media_types import CSV, JSON
from app.schemas.pointers import escaped
from app.schemas.query import OpenQuery, Query
from app.serve.bodies.reader import Body

MULTIPART = "multipart/form-data"
FILE = "file"
"""The field that holds the body; the other fields are members of the query."""
MAX_FIELDS = 64
MAX_FIELD_BYTES = 65_536
MAX_EPILOGUE_BYTES = 1_024  # after the last boundary, where nothing should be
UNKNOWN_TYPES = {"", "text/plain", "application/octet-stream", "application/vnd.ms-excel"}
"""What clients call a file whose type they don't know; the last is what Windows calls CSV."""
TYPES = {".csv": CSV, ".tsv": CSV, ".txt": CSV, ".gz": CSV, ".json": JSON, ".npy": "application/x-npy"}


class Upload(NamedTuple):
    """A body, its Content-Type, and the query that goes with it."""

    content_type: str | None
    body: Body
    query: Query


def opened(upload: Upload) -> Upload:
    """Return the file and the fields of a form as an upload of their own; any other upload as it is.

    Raise Malformed for a form that cannot be read, Invalid for one without a file or with a member given twice.
    """
    media_type = (upload.content_type or "").partition(";")[0].strip().lower()
    if media_type != MULTIPART:
        return upload
    try:
        files, fields = _read(_form(upload))
    except MultipartParseError as error:
        raise Malformed(f"the form cannot be read: {error.description}") from None
    except ValueError:  # of a name that is not UTF-8
        raise Malformed("the form cannot be read: a name or a value is not UTF-8") from None
    if twice := next((name for name in fields if name in upload.query), None):
        raise Invalid.at(escaped(twice), "given in the form and in the query")
    if len(files) != 1:
        found = "no" if not files else "more than one"
        raise Invalid.at(f"/{FILE}", f"the form has {found} field {FILE!r}; send the data as that one file")
    return files[0]._replace(query={**upload.query, **fields})


def _read(form: MultipartForm) -> tuple[list[Upload], OpenQuery]:
    """Return the files, and the other fields, each with its value or, if it comes several times, its values."""
    files: list[Upload] = []
    fields: OpenQuery = {}
    for part in form:
        name = part.name or ""
        if name == FILE:
            files.append(Upload(_content_type(part), part.stream.read(), {}))
        else:
            fields[name] = joined(fields.get(name), part.get_data().decode())
    return files, fields


def _form(upload: Upload) -> MultipartForm:
    boundary = check_boundary(parse_header(upload.content_type or "")[1].get("boundary", ""))
    options = MultipartParseOptions()
    options.max_body_part_count, options.max_body_part_buffer_size = MAX_FIELDS, MAX_FIELD_BYTES
    if f"--{boundary}--".encode() not in bytes(upload.body[-MAX_EPILOGUE_BYTES:]):
        raise Malformed("the form ends before its last boundary")
    return MultipartForm(BytesIO(upload.body), boundary.encode(), len(upload.body), options)


def check_boundary(boundary: str) -> str:
    """Return the boundary of a form; raise Malformed for one that is none (RFC 2046 §5.1.1)."""
    if not boundary or not boundary.isascii() or len(boundary) > 70:  # noqa: PLR2004
        raise Malformed("the Content-Type of the form has no boundary of 1 to 70 characters")
    return boundary


def _content_type(part: BodyPart) -> str:
    """Return the type of a file: as the client says, or by the file's name if it does not know, or else CSV."""
    said: str = part.content_type or ""
    if said.partition(";")[0].strip().lower() not in UNKNOWN_TYPES:
        return said
    return TYPES.get(PurePath(part.filename or "").suffix.lower(), CSV)


def joined(earlier: str | list[str] | None, value: str) -> str | list[str]:
    """Return the values of a field that may come several times."""
    if earlier is None:
        return value
    return [*earlier, value] if isinstance(earlier, list) else [earlier, value]
