"""Spread work over turns of the event loop, so that other requests are served in between."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Turns:
    """Calls callbacks in the order in which they come, one in each turn of the event loop.

    More in one turn would let a request that comes meanwhile wait longer. All methods are called on the event loop.
    """

    def __init__(self) -> None:
        self.limited = False
        """Whether requests shall wait for their turn: they would wait for a model anyway."""
        self._due: deque[Callable[[], None]] = deque()
        self._is_taken = False
        """Whether this turn has its callback."""

    def call(self, callback: Callable[[], None]) -> None:
        """Call it now, or in a later turn if this one has its callback."""
        if self._is_taken:
            self._due.append(callback)
            return
        self._is_taken = True
        asyncio.get_running_loop().call_soon(self._step)
        callback()

    async def next(self) -> None:
        """Wait for a turn."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def come() -> None:
            if not turn.done():  # its caller may have gone
                turn.set_result(None)

        self.call(come)
        await turn

    def _step(self) -> None:
        self._is_taken = bool(self._due)
        if self._is_taken:
            asyncio.get_running_loop().call_soon(self._step)  # first: a callback may raise, which the event loop logs
            self._due.popleft()()
