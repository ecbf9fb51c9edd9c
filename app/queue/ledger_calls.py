"""Asks the ledger in threads; while it is away, callers are told at once, and only one in a while asks in vain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from app.queue.ledger import LedgerUnavailable

AWAY_S = 0.5  # how long a ledger that didn't answer is not asked again
P = ParamSpec("P")
R = TypeVar("R")


class CircuitOpen(LedgerUnavailable):
    """The ledger was away a moment ago, and so it was spared the call: nothing has happened."""


class LedgerCalls:
    """Commits have a thread of their own: nobody's reading keeps another's job from being accepted.

    A ledger that hangs costs each call its timeout; without this, thousands of waiting clients would queue up for it.
    """

    def __init__(self, readers: ThreadPoolExecutor, clock: Callable[[], float] = time.monotonic) -> None:
        self._readers = readers
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._clock = clock
        self._away_until_s = 0.0

    async def read(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the ledger; raise what it raises, and LedgerUnavailable."""
        return await self._run(self._readers, partial(call, *args, **kwargs))

    async def commit(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the ledger likewise, after the commits before."""
        return await self._run(self._committer, partial(call, *args, **kwargs))

    def check(self) -> None:
        """Raise NotAsked while the ledger is away."""
        if self._clock() < self._away_until_s:
            raise CircuitOpen("the ledger doesn't answer; try again")

    async def close(self) -> None:
        """Let commits on their way end."""
        await asyncio.to_thread(self._committer.shutdown)

    async def _run(self, threads: ThreadPoolExecutor, call: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(threads, self._guarded, call)

    def _guarded(self, call: Callable[[], R]) -> R:
        self.check()
        try:
            return call()
        except LedgerUnavailable:
            self._away_until_s = self._clock() + AWAY_S
            raise
