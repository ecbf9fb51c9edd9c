"""The words of ASGI, in types: what the server calls, and what it hands over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, TypeAlias

Header: TypeAlias = tuple[bytes, bytes]
Message: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Coroutine[Any, Any, Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Asgi: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

LENGTH_DIGITS = 19  # more are no length, and int() refuses thousands of them


class RawResponse(NamedTuple):
    """A whole answer."""

    status: int
    headers: list[Header]
    body: bytes
    request_id: bytes = b""


def length_of(value: bytes) -> int | None:
    """Return a Content-Length as a number of bytes; None for what is none."""
    return int(value) if value.isdigit() and len(value) <= LENGTH_DIGITS else None
