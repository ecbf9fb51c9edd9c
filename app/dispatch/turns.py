"""Spread work over turns of the event loop, so that other requests are served in between."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

PER_TURN = 3  # callbacks in one turn of the event loop: more, and a request that comes meanwhile waits longer


class Turns:
    """Calls callbacks in the order in which they come, a few in each turn of the event loop.

    All methods are called on the event loop.
    """

    def __init__(self) -> None:
        self.limited = False
        """Whether requests shall wait for their turn: they would wait for a model anyway."""
        self._due: deque[Callable[[], None]] = deque()
        self._left = PER_TURN  # of this turn
        self._is_stepping = False

    def call(self, callback: Callable[[], None]) -> None:
        """Call it in this turn, or in a later one where others wait or enough were called."""
        if not self._is_stepping:
            self._is_stepping = True
            asyncio.get_running_loop().call_soon(self._step)
        if self._left > 0 and not self._due:
            self._left -= 1
            callback()
        else:
            self._due.append(callback)

    async def next(self) -> None:
        """Wait for a turn."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def come() -> None:
            if not turn.done():  # its caller may have gone
                turn.set_result(None)

        self.call(come)
        await turn

    def _step(self) -> None:
        self._left = PER_TURN
        try:
            while self._due and self._left > 0:
                self._left -= 1
                self._due.popleft()()
        finally:  # also where a callback raises, which the event loop logs
            self._is_stepping = self._left < PER_TURN
            if self._is_stepping:
                asyncio.get_running_loop().call_soon(self._step)
