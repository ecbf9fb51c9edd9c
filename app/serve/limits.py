"""What a body may do before Falcon has seen it: Falcon answers nothing, not even a refusal, until the body begins."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec

from app.errors import TooLarge, TrinityError
from app.serve.asgi import Asgi, Message, Receive, Send
from app.serve.body import Bodies
from app.serve.problems import MEDIA_TYPE, problem
from app.serve.request_id import HEADER, request_id

LINGER_S = 30  # how long a refused body is still swallowed, and
LULL_S = 1  # after which silence no more of it is awaited


class Limits:
    """An ASGI app in front of another: refuses a body whose announced length is over the limit."""

    def __init__(self, api: Asgi, bodies: Bodies) -> None:
        self._api = api
        self._bodies = bodies

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Refuse by the head alone, without asking for the body (`Expect: 100-continue` gets no 100), or hand on."""
        if scope["type"] == "http":
            try:
                self._bodies.check_size(_announced_bytes(scope))
            except TooLarge as error:
                await refuse(scope, receive, send, error)
                return
        await self._api(scope, receive, send)


async def refuse(scope: Message, receive: Receive, send: Send, error: TrinityError) -> None:
    """Answer at once with the problem document of an error, then close the connection."""
    document = problem(error.failure())
    body = msgspec.json.encode(document)
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == _ID), None)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        (_ID, request_id(given).encode()),
    ]
    await send({"type": "http.response.start", "status": document.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await _swallow(receive)
    await send({"type": "http.response.body"})


_ID = HEADER.lower().encode()


async def _swallow(receive: Receive) -> None:
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
            return int(value) if value.isdigit() else 0
    return 0
