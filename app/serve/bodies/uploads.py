"""Uploads of files to disk: a raw body, or the field `file` of a form. The memory of each upload is bounded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from falcon.asgi import Request as HttpRequest
from falcon.asgi.multipart import BodyPart, MultipartForm
from falcon.media.multipart import MultipartParseError

from app.errors import Busy, Invalid
from app.schemas.file_names import file_name
from app.schemas.ids import new_id
from app.schemas.media_types import essence
from app.schemas.query import OpenQuery, unknown_names
from app.serve.bodies.multipart import (
    FILE,
    MULTIPART,
    boundary_of,
    form_errors,
    joined,
    misnamed,
    parse_options,
    repeated,
    with_fields,
)
from app.serve.bodies.reader import check_size
from app.serve.bodies.stored_files import SentFile, StoredUpload
from app.storage.payload_store import UPLOAD, Payloads, PayloadWriter

PIECE_BYTES = 1024 * 1024  # written at once: a switch of threads for each packet would cost more than it
WAIT_S = 10.0  # for the end of other uploads; unread data stays in its connection, not in memory
MAX_UPLOADS = 8  # how many one process receives at the same time
HELD_OUT_UPLOAD = f".held-out{UPLOAD}"
"""What the name of a second file ends in, after the id of its upload."""
SAMPLE = "sample"
FORM_FIELD = "field of the form"
MAX_SAMPLE_BYTES = 1024 * 1024
_ESCAPED = re.compile("%(22|0D|0A)", re.IGNORECASE)  # in names as browsers send them (HTML, multipart/form-data)


class _Expected(NamedTuple):
    """The limits of a request."""

    max_bytes: int
    sample: str | None
    fields: Sequence[str] | None
    """The names of the other fields; None for any."""


class _Incoming:
    """A file of a request, with the sender's name and type."""

    def __init__(self, writer: PayloadWriter) -> None:
        self.writer = writer
        self.field = FILE
        self.filename: str | None = None
        """None until it has arrived."""
        self.media_type = ""

    def sent(self, upload_id: str, reference: str, rest: _Rest) -> SentFile:
        """Return it as a file in the store."""
        name = self.filename or ""
        return SentFile(
            upload_id, reference, self.writer.head, name, rest.sample, rest.query, self.media_type, self.field
        )


class _Rest(NamedTuple):
    """The members of a request beside its files."""

    sample: bytes | None
    query: OpenQuery


class UploadReader:
    """Receives files and writes them to the store while they arrive."""

    def __init__(
        self, payloads: Payloads, pool: ThreadPoolExecutor, max_uploads: int = MAX_UPLOADS, wait_s: float = WAIT_S
    ) -> None:
        self._free_uploads = asyncio.Semaphore(max_uploads)
        self._wait_s = wait_s
        self._payloads = payloads
        self._pool = pool

    async def read(
        self,
        req: HttpRequest,
        max_bytes: int,
        *,
        field: str = FILE,
        sample: str | None = None,
        held_out: str | None = None,
        fields: Sequence[str] | None = None,
    ) -> StoredUpload:
        """Return the file of a request; raise TooLarge, Malformed, Invalid, Busy or Unavailable and keep nothing.

        `field` is the form field with the file, `sample` the field of a second, small file, `held_out` the field of a
        second file of any size. All together have at most `max_bytes`. `fields` are the names of the other fields, None
        for any.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free_uploads.acquire()
        except TimeoutError:
            raise Busy("this process receives no more files now (TRINITY_MAX_UPLOADS); try again") from None
        try:
            upload_id = new_id()
            files = {field: _Incoming(self._payloads.writer(f"{upload_id}{UPLOAD}"))}
            if held_out is not None:
                files[held_out] = _Incoming(self._payloads.writer(f"{upload_id}{HELD_OUT_UPLOAD}"))
            return await self._read(req, upload_id, files, _Expected(max_bytes, sample, fields))
        finally:
            self._free_uploads.release()

    async def drop(self, reference: str) -> None:
        """Remove a file that no job refers to."""
        await self._call(self._payloads.drop, reference)

    async def _read(
        self, req: HttpRequest, upload_id: str, files: Mapping[str, _Incoming], expected: _Expected
    ) -> StoredUpload:
        """Receive files, by the names of their fields; the first one is required."""
        first, *others = files.values()
        try:
            media_type = essence(req.content_type)
            if media_type == MULTIPART:
                rest = await self._read_form(req, files, expected)
            else:
                first.media_type = media_type
                await self._call(first.writer.begin)
                await self._store(_pieces(req), first.writer, expected.max_bytes)
                rest = _Rest(None, dict(req.params))
            sent = [
                each.sent(upload_id, await self._call(each.writer.finish), rest)
                for each in (first, *(other for other in others if other.filename is not None))
            ]
        except BaseException:
            for each in files.values():
                await self._call(each.writer.discard)
            raise
        return StoredUpload(sent[0], first.writer.size, sent[1] if len(sent) > 1 else None)

    async def _read_form(self, req: HttpRequest, files: Mapping[str, _Incoming], expected: _Expected) -> _Rest:
        sample: bytes | None = None
        fields: OpenQuery = {}
        with form_errors():
            async for part in _form(req):
                name = part.name or ""
                if name in files:
                    await self._receive(part, files[name], expected.max_bytes, _received(files))
                elif name == expected.sample:
                    if sample is not None:
                        raise repeated(name)
                    sample = await _read_sample(part)
                else:
                    fields[name] = joined(fields.get(name), await _field(part, next(iter(files))))
        query = with_fields(dict(req.params), fields)
        field, first = next(iter(files.items()))
        if first.filename is None:
            raise Invalid.at(f"/{field}", f"the form has no field {field!r}; send the file as that field")
        if expected.fields is not None and (error := unknown_names(fields, [*files, *expected.fields], FORM_FIELD)):
            raise error
        return _Rest(sample, query)

    async def _receive(self, part: BodyPart, file: _Incoming, max_bytes: int, before_bytes: int) -> None:
        """Write a part of a form to its file; raise Invalid for a repeated field.

        `before_bytes` were already received for other files.
        """
        if file.filename is not None:
            raise repeated(file.field)
        file.field, file.filename, file.media_type = part.name or "", _name_of(part), essence(part.content_type)
        await self._call(file.writer.begin)
        await self._store(_pieces(part), file.writer, max_bytes, before_bytes)

    async def _store(
        self, pieces: AsyncIterator[bytes], writer: PayloadWriter, max_bytes: int, before_bytes: int = 0
    ) -> None:
        gathered = bytearray()
        async for piece in pieces:
            gathered += piece
            check_size(before_bytes + writer.size + len(gathered), max_bytes)
            if len(gathered) >= PIECE_BYTES:
                await self._call(writer.write, gathered)
                gathered = bytearray()
        if gathered:
            await self._call(writer.write, gathered)

    async def _call(self, call: Any, *arguments: Any) -> Any:
        """Run a call in a thread, and wait for its end even if cancelled: the next call is for the same file."""
        running = asyncio.get_running_loop().run_in_executor(self._pool, call, *arguments)
        cancelled: asyncio.CancelledError | None = None
        while not running.done():
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            running.exception()
            raise cancelled
        return running.result()


def _received(files: Mapping[str, _Incoming]) -> int:
    return sum(each.writer.size for each in files.values())


async def _pieces(source: HttpRequest | BodyPart) -> AsyncIterator[bytes]:
    async for piece in source.stream:
        yield piece


def _name_of(part: BodyPart) -> str:
    return file_name(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), part.filename or ""))


async def _field(part: BodyPart, file_field: str) -> str:
    try:
        return (await part.get_data()).decode()
    except (MultipartParseError, UnicodeDecodeError):
        if part.filename is None:
            raise
        raise misnamed(part.name or "", file_field) from None


async def _read_sample(part: BodyPart) -> bytes:
    return check_sample(await part.stream.read(MAX_SAMPLE_BYTES + 1))


def check_sample(content: bytes) -> bytes:
    """Return the rows of a model's sample; raise Invalid if they are too many."""
    if len(content) > MAX_SAMPLE_BYTES:
        raise Invalid.at(f"/{SAMPLE}", f"the sample has more than {MAX_SAMPLE_BYTES} bytes; a few rows are enough")
    return content


def _form(req: HttpRequest) -> MultipartForm:
    return MultipartForm(req.stream, boundary_of(req.content_type).encode(), req.content_length, parse_options())
