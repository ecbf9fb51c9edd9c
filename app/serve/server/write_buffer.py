"""One write for an answer: its head and its body would be two system calls and wake the client twice."""

from __future__ import annotations

import asyncio
from typing import Any

HELD_BYTES = 65_536  # more isn't held: copying it costs more than a second write, and the stream must feel the pressure


class CoalescingTransport:
    """A transport that sends in one piece what is written in one turn of the event loop."""

    __slots__ = ("_held", "_held_bytes", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._held_bytes = 0

    def write(self, data: bytes) -> None:
        """Hold it until the end of the turn."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > HELD_BYTES:
            self._flush()

    def is_closing(self) -> bool:
        """Whether it is closed, or will be; asked for every answer, so not left to `__getattr__`."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close when all is sent."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if not self._held:
            return
        held, large = self._held, self._held_bytes > HELD_BYTES
        self._held, self._held_bytes = [], 0
        if self._transport.is_closing():  # the client hung up
            return
        if large:
            self._transport.writelines(held)
        else:
            self._transport.write(b"".join(held))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
