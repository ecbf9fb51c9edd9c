"""Files of requests that are in the store, with the members of their requests."""

from __future__ import annotations

from typing import NamedTuple

from app.data.file_types import media_type_of
from app.schemas.query import Query
from app.schemas.requests import FileInput


class SentFile(NamedTuple):
    """A file in the store, and the members of its request."""

    id: str
    reference: str
    head: bytes
    """The first bytes of the file."""
    filename: str
    """A result of `file_name`; '' if unknown."""
    sample: bytes | None
    query: Query
    media_type: str = ""
    """The sender's value; '' if unknown."""
    field: str = "file"
    """Of the form that it came in."""

    @property
    def input(self) -> FileInput:
        """The file as the input of a model, with the media type of its first bytes."""
        media_type = media_type_of(self.head, self.filename, self.media_type)
        return FileInput(self.id, self.reference, self.filename, media_type, self.field)


class StoredUpload(NamedTuple):
    """A file of a request, now in the store, and the members of the request."""

    sent: SentFile
    size_bytes: int
    held_out: SentFile | None = None
    """A second file, with which the gate of a fit compares versions."""

    @property
    def id(self) -> str:
        """The id of the upload; the file is named after it."""
        return self.sent.id

    @property
    def reference(self) -> str:
        """The reference of the file in the store."""
        return self.sent.reference

    @property
    def references(self) -> list[str]:
        """The references of all files in the store."""
        return [self.reference] if self.held_out is None else [self.reference, self.held_out.reference]

    @property
    def name(self) -> str:
        """The name that its sender gave, after `file_name`; '' if unknown."""
        return self.sent.filename
