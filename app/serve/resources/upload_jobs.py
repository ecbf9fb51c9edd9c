"""Jobs whose data is a file from their request; a file that belongs to no job is removed, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from falcon.asgi import Request as HttpRequest
from msgspec.structs import replace

from app.dispatch.dispatcher import Dispatcher
from app.errors import UnsupportedEncoding
from app.schemas.jobs import Job
from app.schemas.requests import FileInput, StoredFile, Work, pack
from app.serve.bodies.content_coding import is_coded
from app.serve.bodies.stored_files import StoredUpload
from app.serve.bodies.uploads import UploadReader
from app.serve.idempotency import has_idempotency_key, idempotency_key

F = TypeVar("F", bound=StoredFile)


class UploadJobs:
    """Submits work on uploads; those that were refused, or done already, are removed."""

    def __init__(self, dispatcher: Dispatcher, uploads: UploadReader, pool: ThreadPoolExecutor) -> None:
        self._dispatcher = dispatcher
        self._uploads = uploads
        self._pool = pool
        self._submissions: set[asyncio.Task[Job]] = set()

    async def receive(
        self,
        req: HttpRequest,
        max_bytes: int,
        *,
        field: str = "file",
        sample: str | None = None,
        held_out: str | None = None,
        fields: Sequence[str] | None = None,
    ) -> StoredUpload:
        """Return the file of a request, as `UploadReader.read` does; raise UnsupportedEncoding for a coded one."""
        if is_coded(req):
            raise UnsupportedEncoding("a file is sent as it is, without a content coding")
        return await self._uploads.read(req, max_bytes, field=field, sample=sample, held_out=held_out, fields=fields)

    async def drop(self, upload: StoredUpload) -> None:
        """Remove the files of a request that no job has."""
        for reference in upload.references:
            await self._uploads.drop(reference)

    async def submit(self, req: HttpRequest, upload: StoredUpload, check: Callable[[StoredUpload], Work]) -> Job:
        """Check an upload in a thread and submit its work; return the job.

        A client that hangs up now ends its request, and not this: it removes the file when no job has it.
        """
        submitted = asyncio.create_task(self._submitted(req, upload, check))
        self._submissions.add(submitted)
        submitted.add_done_callback(self._ended)
        return await asyncio.shield(submitted)

    async def _submitted(self, req: HttpRequest, upload: StoredUpload, check: Callable[[StoredUpload], Work]) -> Job:
        """Submit the work on a file; remove the file where no job has it."""
        try:
            work = await asyncio.get_running_loop().run_in_executor(self._pool, check, upload)
            key = await idempotency_key(req, what_was_sent(work), self._pool) if has_idempotency_key(req) else None
            job = await self._dispatcher.submit(work, key)
        except asyncio.CancelledError:  # at the end of the process: the job may be accepted
            raise
        except BaseException:
            await self.drop(upload)
            raise
        if not job.queued or job.id != upload.id:  # done already, or an earlier request did it
            await self.drop(upload)
        return job

    def _ended(self, submitted: asyncio.Task[Job]) -> None:
        self._submissions.discard(submitted)
        if not submitted.cancelled():
            submitted.exception()  # nobody else looks at it where the client hung up


def what_was_sent(work: Work) -> bytes:
    """Return what makes a request what it is: its files by their digests, and all that was said about them."""
    gate = work.promote
    if gate is not None and isinstance(gate.data, FileInput):
        work = replace(work, promote=replace(gate, data=_by_digest(gate.data)))
    return pack(replace(work, data=_by_digest(work.data)) if isinstance(work.data, StoredFile) else work)


def _by_digest(file: F) -> F:
    return replace(file, id="", reference=file.reference.partition(":")[2])
