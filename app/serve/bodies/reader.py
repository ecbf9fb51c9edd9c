"""The bodies of requests, read within bounds of time and memory; the decoders are in formats.py."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from falcon.asgi import Request as HttpRequest

from app.data.gzip_files import gunzip, is_gzip
from app.errors import Busy, Malformed, TooLarge
from app.schemas.query import Query
from app.schemas.requests import Request
from app.schemas.verbs import Verb
from app.serve.asgi import BODY

Body: TypeAlias = bytes | bytearray | memoryview
T = TypeVar("T")

SMALL_BYTES = 65_536  # up to this size, reading or writing JSON costs less than switching threads
LARGE_BYTES = 4 * 1024 * 1024


class Reader(NamedTuple):
    """Converts bodies of one media type to requests, and describes them for the OpenAPI document."""

    media_type: str
    name: str
    """The format's name in a sentence."""
    parse: Callable[[Verb, Body, Query], Request]
    """Reads a body and its query; raises Malformed, or Invalid with a pointer. It may run in any thread."""
    holds_y: bool = True
    """Whether a body can hold y; otherwise the format is for verbs that need only X."""
    with_query: bool = True
    """Whether the query has the other members: model, version, timeout, parameters."""
    parameters: Callable[[str], Query] | None = None
    """Returns the parameters of a Content-Type as members of the query; raises UnsupportedMediaType."""
    schema: Any = None
    """The type of a body for the OpenAPI document; None if it depends on the verb."""


class BodyReader:
    """Reads bodies, and limits the bytes of all bodies in memory: above the limit requests get a 503."""

    def __init__(self, max_body_bytes: int, max_held_bytes: int) -> None:
        self.max_body_bytes = max_body_bytes
        self._max_held_bytes = max_held_bytes
        self._held_bytes = 0
        self._unpacked_bytes = 0
        """The bytes of unpacked bodies, which threads unpack."""
        self._unpacking = threading.Lock()
        self._decoding_large = asyncio.Semaphore()

    async def read(self, req: HttpRequest) -> Body:
        """Return the whole body, which must be released later; raise TooLarge, Busy, or Malformed if it ends early."""
        whole: bytes | None = req.scope.get(BODY)
        if whole is not None:
            self._hold(len(whole), len(whole))
            return whole
        length = req.content_length
        return await self._read_chunks(req) if length is None else await self._read_length(req, length)

    def release(self, body: Body) -> None:
        """Stop counting the bytes of a body."""
        self._held_bytes -= len(body)

    @contextmanager
    def unpacker(self) -> Iterator[Callable[[Body], Body]]:
        """Give a function that unpacks gzip, within the same limits; its results are counted until the end.

        It may be used in any thread; it raises TooLarge, Busy or Malformed.
        """
        held = 0

        def hold(added_bytes: int) -> None:
            nonlocal held
            with self._unpacking:
                self._check_held(added_bytes)
                self._unpacked_bytes += added_bytes
            held += added_bytes

        try:
            yield lambda body: gunzip(body, self.max_body_bytes, hold)
        finally:
            with self._unpacking:
                self._unpacked_bytes -= held

    async def run_in_pool(self, body: Body, pool: ThreadPoolExecutor, check: Callable[[], T]) -> T:
        """Check a body in a thread, because it is large or its version must be loaded."""
        # large bodies one at a time: decoding takes up to 24 times their bytes
        is_large = len(body) > LARGE_BYTES or is_gzip(body)  # the unpacked content may be large
        async with self._decoding_large if is_large else nullcontext():
            return await asyncio.get_running_loop().run_in_executor(pool, check)

    async def _read_length(self, req: HttpRequest, length: int) -> Body:
        """Read a body of known length into one piece of memory, which is claimed as it is written to."""
        check_size(length, self.max_body_bytes)
        body = memoryview(np.empty(length, np.uint8))  # type: ignore[arg-type]
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
        check_size(body_bytes, self.max_body_bytes)
        self._check_held(added_bytes)
        self._held_bytes += added_bytes

    def _check_held(self, added_bytes: int) -> None:
        if self._held_bytes + self._unpacked_bytes + added_bytes > self._max_held_bytes:
            raise Busy("this process can hold no more request bodies now (TRINITY_MAX_HELD); try again")


def check_size(body_bytes: int, max_body_bytes: int) -> None:
    """Raise TooLarge for a body over the limit; `body_bytes` is what is announced of it, or has come."""
    if body_bytes > max_body_bytes:
        raise TooLarge(f"the body has {body_bytes} bytes or more, the limit is {max_body_bytes}")


async def run_in_pool_if_large(call: Callable[[], T], pool: ThreadPoolExecutor, size_bytes: int) -> T:
    """Call in a thread when so much is read or written that the event loop would stand still for it."""
    return call() if size_bytes <= SMALL_BYTES else await asyncio.get_running_loop().run_in_executor(pool, call)
