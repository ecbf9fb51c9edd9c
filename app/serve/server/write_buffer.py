"""A transport that writes a response in one piece, and writes nothing to a client that hung up."""

from __future__ import annotations

import asyncio
from typing import Any

HELD_BYTES = 65_536  # over this size it writes at once, so that the sender notices a client that reads slowly


class CoalescingTransport:
    """Joins the writes of one turn of the event loop, which are a response's head and its body.

    After the client has hung up, nothing is written: uvloop would raise, and uvicorn would log a traceback.
    """

    __slots__ = ("_held", "_held_bytes", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._held_bytes = 0

    def write(self, data: bytes) -> None:
        """Hold the data until the end of the turn, or until there are HELD_BYTES."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= HELD_BYTES:
            self._flush()

    def is_closing(self) -> bool:
        """Return whether it is closed or closing."""
        return self._transport.is_closing()

    def write_eof(self) -> None:
        """Send the end of the stream after the written data; data from the client is still read."""
        self._flush()
        if not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """Close after everything is sent."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        held, self._held, self._held_bytes = self._held, [], 0
        if held and not self._transport.is_closing():
            self._transport.writelines(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
