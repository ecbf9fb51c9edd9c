"""The words of ASGI, in types: what the server calls, and what it hands over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, TypeAlias

Header: TypeAlias = tuple[bytes, bytes]
Message: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Coroutine[Any, Any, Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Asgi: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]


class Reply(NamedTuple):
    """A whole answer."""

    status: int
    headers: list[Header]
    body: bytes
    request_id: bytes = b""
