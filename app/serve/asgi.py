"""ASGI's types, and the keys that this service adds to its scopes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

Header: TypeAlias = tuple[bytes, bytes]
Message: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Coroutine[Any, Any, Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Asgi: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

STOP_WAITING = "stop_waiting"
"""The key in the lifespan's state of a function that ends all waits of requests: the process is about to stop."""
HEADERS, BODY = "trinity.headers", "trinity.body"
"""Keys that the middleware adds to a scope: the headers by name, and the body where it came in one piece.

Names of headers are in lower case. Falcon's own look-up of a missing header costs an exception.
"""
TRUSTED_PEER = "trinity.trusted_peer"
"""The key that the server adds to a scope: whether the connection's other end is a proxy that is believed."""
LENGTH_DIGITS = 19  # a number with more is no length; int() refuses thousands of digits


def length_of(value: bytes) -> int | None:
    """Return a Content-Length as a number of bytes; None if it is not one."""
    return int(value) if value.isdigit() and len(value) <= LENGTH_DIGITS else None
