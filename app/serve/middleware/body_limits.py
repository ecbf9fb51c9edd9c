"""Limits of bodies before Falcon reads them: the announced size, and the longest pause between two pieces."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from app.errors import Malformed, TooSlow, TrinityError
from app.serve.asgi import BODY, LENGTH_DIGITS, Header, Message, Receive, Send, length_of
from app.serve.bodies.reader import check_size
from app.serve.problems import render

IMPORT_PATH = re.compile(r"/models/[^/]+/versions")
"""Paths for files of fitted models, with a limit of their own."""
DISCARD_S = 30  # for how long the rest of a refused body is read
SMALL_BODY_BYTES = 65_536  # reading and discarding so much is cheaper than a new connection
DISCARD_PAUSE_S = 1  # after so long without a byte, stop reading


class Refusal(NamedTuple):
    """The refusal of a request."""

    error: TrinityError
    headers: list[Header]
    """Headers of the response."""
    keep: bool
    """Whether the connection may stay open."""


class BodyLimits:
    """The settings' limits for bodies."""

    def __init__(
        self,
        max_body_bytes: int,
        timeout_s: float,
        max_import_bytes: int | None = None,
        limit_of: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        """`limit_of` returns the limit of a path that takes files; None for all others."""
        self._max_body_bytes = max_body_bytes
        self._max_import_bytes = max_import_bytes or max_body_bytes
        self._limit_of = limit_of
        self._timeout_s = timeout_s

    def check(self, headers: Mapping[bytes, bytes], path: str = "") -> None:
        """Raise TooLarge for a Content-Length over the limit, Malformed for one that is not a number of bytes."""
        announced = headers.get(b"content-length")
        if announced is None:
            return
        length = length_of(announced)
        if length is None:
            raise Malformed(f"Content-Length is a number of bytes of at most {LENGTH_DIGITS} digits")
        if length > self._max_body_bytes:  # only then the path is relevant
            is_import = IMPORT_PATH.fullmatch(path)
            check_size(length, self._max_import_bytes if is_import else self._limit_of(path) or self._max_body_bytes)

    def timed(self, receive: Receive, scope: Message) -> Receive:
        """Return a `receive` that raises TooSlow until the body is complete; later events have no time limit.

        It raises Malformed if the client disconnects in the middle of the body, which Falcon would treat as its end.
        A body in one piece is put into the scope, where reading it costs nothing more.
        """
        begun = False
        complete = False

        async def timed() -> Message:
            nonlocal begun, complete
            if complete:
                return await receive()
            event = receive_nowait(receive) or await receive_within(receive, self._timeout_s)
            complete = not event.get("more_body")
            if begun and event["type"] == "http.disconnect":
                raise Malformed("the client closed the connection before the end of the body")
            if complete and not begun:
                scope[BODY] = event.get("body", b"")
            begun = True
            return event

        return timed


def receive_nowait(receive: Receive) -> Message | None:
    """Return the next event if it has arrived, None otherwise; a timer would cost more than the request."""
    waiting = receive()
    try:
        waiting.send(None)
    except StopIteration as arrived:
        event: Message = arrived.value
        return event
    waiting.close()  # like a cancelled wait: the event is not consumed
    return None


async def receive_within(receive: Receive, timeout_s: float) -> Message:
    """Wait for the next event; raise TooSlow if nothing arrives for so long."""
    try:
        async with asyncio.timeout(timeout_s):
            return await receive()
    except TimeoutError:
        raise TooSlow(f"no more of the body arrived within {timeout_s} s") from None


async def refuse(
    path: str,
    receive: Receive,
    send: Send,
    error: TrinityError,
    extra: Sequence[Header] = (),
    *,
    keep: bool = False,
    discard: bool = True,
) -> None:
    """Respond with the problem document of an error, without requesting the body; then close the connection.

    With `keep` the connection stays open: the server reads the rest of the body, which must be small.
    With `discard` the rest of the body is read before the connection closes.
    """
    status, headers, body = render(error, path)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    raw += [(b"content-length", b"%d" % len(body)), *extra]
    if not keep:
        raw.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    more = discard and not keep
    await send({"type": "http.response.body", "body": body, "more_body": more})
    if more:
        await _discard_body(receive)
        await send({"type": "http.response.body"})


async def _discard_body(receive: Receive) -> None:
    """Read the rest: a client that is still sending would get a connection reset instead of the response."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_S):
            more = True
            while more:
                async with asyncio.timeout(DISCARD_PAUSE_S):
                    more = (await receive()).get("more_body", False)


def has_small_body(scope: Message) -> bool:
    """Return whether the body is small and will be sent, so that the connection may stay open."""
    announced = b"0"
    for name, value in scope["headers"]:
        if name in (b"transfer-encoding", b"expect"):
            return False
        if name == b"content-length":
            announced = value
    length = length_of(announced)
    return length is not None and length <= SMALL_BODY_BYTES
