"""Calls the ledger in threads, behind a circuit breaker: while the ledger is down, most calls fail at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from app.queue.ledger.scripts import LedgerUnavailable

OPEN_S = 0.5  # how long calls fail at once after the ledger did not answer
P = ParamSpec("P")
R = TypeVar("R")


class CircuitOpen(LedgerUnavailable):
    """The ledger did not respond a moment ago, so this call was not made and had no effect."""


class LedgerCalls:
    """Commits have a thread of their own, so that other calls never keep a job from being accepted.

    A ledger that hangs costs each call its timeout. Without the circuit breaker thousands of waiting clients would
    queue up for it (circuit breaker: Nygard, "Release It!", 2007).
    """

    def __init__(self, pool: ThreadPoolExecutor, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._clock = clock
        self._open_until_s = 0.0

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function in a thread of the pool; raise what it raises, or CircuitOpen."""
        return await self._run(self._pool, partial(function, *args, **kwargs))

    async def commit(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a call after the commits before it; raise what it raises, or CircuitOpen."""
        return await self._run(self._committer, partial(call, *args, **kwargs))

    def check(self) -> None:
        """Raise CircuitOpen if the ledger did not answer a moment ago."""
        if self._clock() < self._open_until_s:
            raise CircuitOpen("the ledger doesn't answer; try again")

    async def close(self) -> None:
        """Wait for the commits that are running."""
        await asyncio.to_thread(self._committer.shutdown)

    async def _run(self, threads: ThreadPoolExecutor, call: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(threads, self._guarded, call)

    def _guarded(self, call: Callable[[], R]) -> R:
        self.check()
        try:
            return call()
        except LedgerUnavailable:
            self._open_until_s = self._clock() + OPEN_S
            raise
