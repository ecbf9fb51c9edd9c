"""What a body may do before Falcon has seen it: Falcon answers nothing, not even a refusal, until the body begins."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from app.errors import TooLarge, TooSlow, TrinityError, Unavailable
from app.schemas.problems import problem
from app.serve.asgi import Asgi, Header, Message, Receive, Send, length_of
from app.serve.bodies.reader import BodyReader
from app.serve.middleware.request_id import HEADER, request_id
from app.serve.problems import render

LINGER_S = 30  # how long a refused body is still swallowed, and
LULL_S = 1  # after which silence no more of it is awaited
_ID = HEADER.lower().encode()


class BodyLimits:
    """An ASGI app in front of another: refuses a body that is announced over the limit, or that stops coming."""

    def __init__(self, api: Asgi, bodies: BodyReader, body_timeout_s: float) -> None:
        self._api = api
        self._bodies = bodies
        self._body_timeout_s = body_timeout_s

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Refuse by the head alone, without asking for the body (`Expect: 100-continue` gets no 100), or hand on."""
        if scope["type"] != "http":
            await self._api(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            self._bodies.check_size(_announced_bytes(scope))
            await self._api(scope, _timed(receive, self._body_timeout_s), noted)
        except (TooLarge, TooSlow) as error:  # TooSlow only from Falcon's wait for the first event: it answers the rest
            await refuse(scope, receive, send, error)
        except asyncio.CancelledError:  # the process is stopped, and this took longer than it waits
            if begun:
                raise
            await refuse_stopped(scope, receive, send)


def receive_nowait(receive: Receive) -> Message | None:
    """Return the next event if it is there already; a timer for it would cost more than all else on the short way."""
    waiting = receive()
    try:
        waiting.send(None)
    except StopIteration as arrived:
        event: Message = arrived.value
        return event
    waiting.close()  # as a cancelled wait ends: the event stays to come
    return None


async def receive_within(receive: Receive, timeout_s: float) -> Message:
    """Wait for the next event; raise TooSlow when nothing comes for so long."""
    try:
        async with asyncio.timeout(timeout_s):
            return await receive()
    except TimeoutError:
        raise TooSlow(f"nothing more of the body came for {timeout_s} s") from None


async def refuse(
    scope: Message, receive: Receive, send: Send, error: TrinityError, *extra: Header, keep: bool = False
) -> None:
    """Answer at once with the problem document of an error, then close the connection.

    With `keep` it stays open: the server reads past what comes of the body, which must be little.
    """
    status, media_type, body = render(problem(error.failure()), scope["path"])
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == _ID), None)
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", b"%d" % len(body)),
        (_ID, request_id(given).encode()),
        *extra,
    ]
    if not keep:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": not keep})
    if not keep:
        await _drain(receive)
        await send({"type": "http.response.body"})


async def refuse_stopped(scope: Message, receive: Receive, send: Send) -> None:
    """Answer a request that the end of the process interrupts."""
    stopped = Unavailable("the process was stopped before this was done; try again")
    await refuse(scope, receive, send, stopped, (b"connection", b"close"), keep=True)


def _timed(receive: Receive, timeout_s: float) -> Receive:
    """Return a `receive` that raises TooSlow while the body isn't whole; what comes after it may take its time."""
    whole = False

    async def timed() -> Message:
        nonlocal whole
        if whole:
            return await receive()
        event = receive_nowait(receive) or await receive_within(receive, timeout_s)
        whole = not event.get("more_body")
        return event

    return timed


async def _drain(receive: Receive) -> None:
    """Read what still comes: to a client in the middle of sending, a closed door is a reset and not the answer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            more = True
            while more:
                async with asyncio.timeout(LULL_S):
                    more = (await receive()).get("more_body", False)


def _announced_bytes(scope: Message) -> int:
    """Return the Content-Length, 0 when there is none or none that is a number, which Falcon tells."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return length_of(value) or 0
    return 0
