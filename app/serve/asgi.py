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
"""The key in the lifespan's state of the function that ends all waits of requests before the process stops."""
HEADERS, BODY = "trinity.headers", "trinity.body"
"""Keys that the middleware adds to a scope: the headers by name, and the body if it came in one piece.

Names of headers are in lower case. Falcon's own look-up of a missing header costs an exception.
"""
TRUSTED_PEER = "trinity.trusted_peer"
"""The key that the server adds to a scope: whether the connection comes from a trusted proxy."""
LENGTH_DIGITS = 19  # a number with more digits is not a length; int() refuses thousands of digits


def length_of(value: bytes) -> int | None:
    """Return a Content-Length as a number of bytes; None if it is not one."""
    return int(value) if value.isdigit() and len(value) <= LENGTH_DIGITS else None
