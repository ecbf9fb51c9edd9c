"""GET /jobs/{id}/result/file: a file that a model returned, whole or in part, as a download."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import quote

from falcon.asgi import Request, Response

from app.dispatch.dispatcher import Dispatcher
from app.schemas.file_names import name_to_save
from app.schemas.jobs import Job
from app.schemas.media_types import JSON
from app.schemas.problems import problem
from app.serve.openapi import parts
from app.serve.openapi.parts import Parameter, ResponseSpec
from app.serve.openapi.schemas import ANY_JOB
from app.serve.problems import send_problem
from app.serve.resources.jobs import NO_JOB
from app.serve.resources.route import Route, route, routes_of
from app.serve.responses import send_accepted
from app.service.result_files import Found, ResultFile, ResultFiles
from app.storage.payload_store import Payloads

PIECE_BYTES = 256 * 1024
RANGE = Parameter("Range", str, "The part of the file to send, such as `bytes=0-999`; one part.", "header")
IF_RANGE = Parameter("If-Range", str, "The ETag of the copy whose rest is wanted: of another, all is sent.", "header")
SANDBOX = "sandbox; default-src 'none'"  # scripts in a page or picture are not run, wherever it is opened
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_PLAIN = re.compile(r"[^A-Za-z0-9 !#$&+.^_`|~()\[\]-]")


class Part(NamedTuple):
    """Bytes from `first` to `last`, both included, of a file of `whole` bytes."""

    first: int
    last: int
    whole: int

    @property
    def size(self) -> int:
        """The number of its bytes."""
        return self.last - self.first + 1


class ResultFileResource:
    """GET /jobs/{id}/result/file: sent by this process, or by nginx if TRINITY_ACCEL_REDIRECT is set."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        results: ResultFiles,
        payloads: Payloads,
        pool: ThreadPoolExecutor,
        accel_redirect: str = "",
    ) -> None:
        """`accel_redirect` is the path of nginx's internal location over the folder of payloads."""
        self._dispatcher = dispatcher
        self._results = results
        self._payloads = payloads
        self._pool = pool
        self._accel_redirect = accel_redirect.rstrip("/")

    def routes(self, *, listed: bool) -> list[Route]:
        """Return the route, which is public only if models take files."""
        return [each._replace(public=listed) for each in routes_of(self)]

    @route(
        "/jobs/{job_id}/result/file",
        "A file of a job's result, whole or in part; ?name= for one of several.",
        {
            **NO_JOB,
            **parts.JOB_ERRORS,
            200: ResponseSpec("The file.", {"application/octet-stream": parts.BYTES}, {"ETag": "Of its content."}),
            202: ResponseSpec("The job has not ended.", {JSON: ANY_JOB}, parts.RETRY_AFTER),
            206: ResponseSpec("The part of the file that was asked for.", {"application/octet-stream": parts.BYTES}),
            304: ResponseSpec("The caller has the file."),
            404: ResponseSpec("There is no such job, or its result has no such file."),
            410: ResponseSpec("The job was cancelled, or is no longer kept."),
            416: ResponseSpec("The part lies behind the end of the file."),
            422: ResponseSpec("The model refused the file, or a parameter is wrong."),
        },
        parameters=(Parameter("name", str, "The file's name; by default the first."), RANGE, IF_RANGE),
        operation="get_result_file",
        example_path=f"/jobs/{'0' * 32}/result/file",
    )
    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Send the file of a successful job, or the state or error of any other job."""
        job = await self._dispatcher.job(job_id, 0)
        await self.send(req, resp, job, req.get_param("name"))

    async def send(self, req: Request, resp: Response, job: Job, name: str | None = None) -> None:
        """Respond with a file of a job's result, by default the first; raise NotFound."""
        if job.failure is not None:
            send_problem(resp, problem(job.failure))
            return
        if job.result is None:
            send_accepted(resp, job, root_path=req.root_path)
            return
        found = self._results.find(bytes(job.result), job.id, name)
        path = await asyncio.get_running_loop().run_in_executor(self._pool, self._payloads.path, found.reference)
        _set_headers(resp, found.file)
        if self._accel_redirect:  # nginx handles ranges and conditions itself
            resp.set_header("X-Accel-Redirect", f"{self._accel_redirect}/{path.parent.name}/{path.name}")
            resp.data = b""
        else:
            await self._send_itself(req, resp, found, path)

    async def _send_itself(self, req: Request, resp: Response, found: Found, path: Path) -> None:
        etag, whole = found.file.sha256[:32], found.file.bytes
        resp.set_header("ETag", f'"{etag}"')
        if not {"*", etag}.isdisjoint(req.if_none_match or ()):
            resp.status = HTTPStatus.NOT_MODIFIED
            return
        part = wanted_part(req.get_header("Range"), req.get_header("If-Range"), etag, whole)
        if part is None:
            resp.status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            resp.set_header("Content-Range", f"bytes */{whole}")
            return
        if part.size < whole:
            resp.status = HTTPStatus.PARTIAL_CONTENT
            resp.set_header("Content-Range", f"bytes {part.first}-{part.last}/{whole}")
        if req.method == "HEAD":
            resp.content_length = part.size
        else:
            file = await asyncio.get_running_loop().run_in_executor(self._pool, path.open, "rb")
            resp.set_stream(_pieces(file, part, self._pool), part.size)


def wanted_part(asked: str | None, if_range: str | None, etag: str, whole: int) -> Part | None:
    """Return the requested part (RFC 9110 §14.2), None if it is behind the end.

    The whole file is sent for several ranges, for other units, and for a range of another copy.
    """
    everything = Part(0, whole - 1, whole)
    found = _RANGE.fullmatch((asked or "").replace(" ", ""))
    if found is None or found[0] == "bytes=-" or (if_range is not None and if_range.strip() != f'"{etag}"'):
        return everything
    first, last = found[1], found[2]
    if not first:
        return Part(max(0, whole - int(last)), whole - 1, whole) if int(last) and whole else None
    if last and int(last) < int(first):
        return everything
    return Part(int(first), min(int(last or whole), whole - 1), whole) if int(first) < whole else None


async def _pieces(file: BinaryIO, part: Part, pool: ThreadPoolExecutor) -> AsyncIterator[bytes]:
    """Yield the bytes of a part, read in a thread."""
    loop, left = asyncio.get_running_loop(), part.size
    try:
        await loop.run_in_executor(pool, file.seek, part.first)
        while left and (piece := await loop.run_in_executor(pool, file.read, min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece
    finally:
        file.close()


def _set_headers(resp: Response, file: ResultFile) -> None:
    resp.content_type = file.media_type
    resp.set_header("Content-Disposition", disposition(file.name))
    resp.set_header("Accept-Ranges", "bytes")
    resp.set_header("Cache-Control", "private, no-cache")
    resp.set_header("X-Content-Type-Options", "nosniff")
    resp.set_header("Content-Security-Policy", SANDBOX)


def disposition(name: str) -> str:
    """Return a Content-Disposition for a file to save (RFC 6266), other characters as in RFC 8187."""
    plain = _PLAIN.sub("_", name_to_save(name))
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
    return f'attachment; filename="{plain}"{extended}'
