"""The body of a request: read within its limit, and turned into a Request by the reader of its media type."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TypeVar

import numpy as np
from falcon.asgi import Request as HttpRequest

from app.errors import Busy, Invalid, Malformed, TooLarge, UnsupportedEncoding, UnsupportedMediaType
from app.schemas.pointers import escaped
from app.schemas.requests import Request
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies.csv_body import check_parameters, parse_csv
from app.serve.bodies.hop import Body
from app.serve.bodies.json_body import parse_json
from app.serve.bodies.npy_body import NPY, parse_npy

JSON = "application/json"
CSV = "text/csv"
LARGE_BYTES = 4 * 1024 * 1024
WHOLE_BYTES = 65_536  # a body up to this size is read in one go
T = TypeVar("T")


class BodyReader:
    """Reads bodies, and bounds the bytes of all that are held at once: a flood ends in 503s, not in no memory."""

    def __init__(self, max_body_bytes: int, max_held_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._max_held_bytes = max_held_bytes
        self._held_bytes = 0
        self._large = asyncio.Semaphore()

    async def run_in_pool(self, body: Body, pool: ThreadPoolExecutor, check: Callable[[], T]) -> T:
        """Check a body in a thread: it is large, or the version that it is for has to be loaded."""
        async with self._turn(body):
            return await asyncio.get_running_loop().run_in_executor(pool, check)

    async def read(self, req: HttpRequest) -> bytes:
        """Return the whole body, to be released; raise TooLarge, Busy, or Malformed when it ends early."""
        length = req.content_length
        if length is None or length > WHOLE_BYTES:
            return bytes(await self.read_raw(req))
        self._hold(length, length)
        try:
            body = await req.stream.read()
        except BaseException:
            self._held_bytes -= length
            raise
        if len(body) != length:
            self._held_bytes -= length
            raise Malformed(f"the body ended after {len(body)} of {length} bytes")
        return body

    async def read_raw(self, req: HttpRequest) -> Body:
        """Return the whole body likewise, as it was put together: of what is large, one copy less."""
        length = req.content_length
        if length is None:
            return await self._read_chunks(req)
        check_size(length, self._max_body_bytes)
        body = memoryview(np.empty(length, np.uint8))  # type: ignore[arg-type]  # memory is given where it is written to
        held = 0
        try:
            async for chunk in req.stream:
                self._hold(len(chunk), length)
                body[held : held + len(chunk)] = chunk
                held += len(chunk)
        except BaseException:
            self._held_bytes -= held
            raise
        if held < length:
            self._held_bytes -= held
            raise Malformed(f"the body ended after {held} of {length} bytes")
        return body

    def release(self, body: Body) -> None:
        """Say that a body that was read is done with."""
        self._held_bytes -= len(body)

    def _turn(self, body: Body) -> AbstractAsyncContextManager[object]:
        """Wait for the turn to decode, which takes up to 24 times a body's bytes: of the large ones one at a time."""
        return self._large if len(body) > LARGE_BYTES else nullcontext()

    async def _read_chunks(self, req: HttpRequest) -> Body:
        """Read a body of unknown length."""
        body = bytearray()
        try:
            async for chunk in req.stream:
                self._hold(len(chunk), len(body) + len(chunk))
                body += chunk
        except BaseException:
            self._held_bytes -= len(body)
            raise
        return body

    def _hold(self, added_bytes: int, body_bytes: int) -> None:
        check_size(body_bytes, self._max_body_bytes)
        if self._held_bytes + added_bytes > self._max_held_bytes:
            raise Busy("as many bytes of request bodies are held as this process allows (TRINITY_MAX_HELD); try again")
        self._held_bytes += added_bytes


def check_size(body_bytes: int, max_body_bytes: int) -> None:
    """Raise TooLarge for a body, or what has come or is announced of it, over the limit."""
    if body_bytes > max_body_bytes:
        raise TooLarge(f"the body has {body_bytes} bytes or more, the limit is {max_body_bytes}")


def media_type(verb: Verb, req: HttpRequest, body: Body) -> str:
    """Return the body's media type, JSON for an empty body without one; raise UnsupportedMediaType."""
    check_encoding(req)
    if req.content_type == JSON:
        return JSON
    kind = (req.content_type or "").partition(";")[0].strip().lower()
    if kind == CSV:
        check_parameters(req.content_type or "")
    if kind in {JSON, CSV, NPY}:
        return kind
    if not kind and not bytes(body).strip():
        return JSON
    readable = f"{JSON} or {CSV}" if VERBS[verb].needs_y else f"{JSON}, {CSV} or {NPY}"
    raise UnsupportedMediaType(f"can't read {kind[:64] or 'a body without a Content-Type'}; send {readable}")


def check_encoding(req: HttpRequest) -> None:
    """Raise UnsupportedEncoding for a body in any coding but `identity`, which is none (RFC 9110 §8.4)."""
    codings = req.get_header("Content-Encoding") or ""
    coded = [coding for each in codings.split(",") if (coding := each.strip()) and coding.lower() != "identity"]
    if coded:
        raise UnsupportedEncoding(f"content encodings such as {coded[0][:64]} aren't decoded; send the body as it is")


def parse(verb: Verb, kind: str, body: Body, query: Mapping[str, str | list[str]], name: str | None) -> Request:
    """Turn a body of any kind into a Request for the model `name`, which stands in the path."""
    if kind == JSON and query:
        raise Invalid.at(
            escaped(next(iter(query))), "query parameters go with CSV and npy; in JSON they are members of the body"
        )
    if kind == NPY:
        if VERBS[verb].needs_y:
            raise UnsupportedMediaType(f"{NPY} holds X alone, and so goes with predict; send {JSON} or {CSV}")
        request = parse_npy(body, query)
    else:
        request = parse_csv(verb, bytes(body), query) if kind == CSV else parse_json(verb, bytes(body))
    if name is not None:
        if request.model not in {None, name}:
            raise Invalid.at("/model", f"the path names model {name[:64]!r}, the body {(request.model or '')[:64]!r}")
        request.model = name
    return request
