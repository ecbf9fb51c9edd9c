"""The minimum that an ASGI application does for a POST: read the body, answer JSON of a given size."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ANSWER = b'{"y":"' + b"1" * (int(os.environ.get("BENCH_ANSWER_BYTES", "300")) - 8) + b'"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    while (await receive()).get("more_body"):
        pass
    return await _answer(send)


async def whole(scope: Message, receive: Receive, send: Send) -> None:
    """The same with the body in one piece, as any real work needs it, by the cheapest means."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    if scope["method"] == "GET":
        return await _answer(send)
    length = next(int(value) for name, value in scope["headers"] if name == b"content-length")
    body, at, more = bytearray(length), 0, True
    while more:
        event = await receive()
        piece, more = event.get("body", b""), event.get("more_body", False)
        body[at : at + len(piece)] = piece
        at += len(piece)
    return await _answer(send)


async def _answer(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


async def _lifespan(receive: Receive, send: Send) -> None:
    for _ in ("startup", "shutdown"):
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
