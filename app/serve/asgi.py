"""The words of ASGI, in types: what the server calls, and what it hands over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from falcon.asgi import Request

Header: TypeAlias = tuple[bytes, bytes]
Message: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Coroutine[Any, Any, Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Asgi: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

STOP_WAITING = "stop_waiting"
"""The key in the lifespan's state of a function that has requests which wait answered at once: the process will end."""
HEADERS, BODY = "trinity.headers", "trinity.body"
"""Keys that the middleware adds to a scope: the headers by name, and the body where it came in one piece."""
LENGTH_DIGITS = 19  # more are no length, and int() refuses thousands of them


def length_of(value: bytes) -> int | None:
    """Return a Content-Length as a number of bytes; None for what is none."""
    return int(value) if value.isdigit() and len(value) <= LENGTH_DIGITS else None


def has_header(req: Request, name: bytes) -> bool:
    """Return whether a request has a header; its name is in lower case. Falcon raises and catches for one it hasn't."""
    return name in req.scope[HEADERS]
