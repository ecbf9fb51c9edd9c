"""Changes of the registry, in threads; a request that waits for the lock of a model occupies no thread."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TypeVar

from app.storage.file_locks import LOCK_WAIT_S, Locked

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.002, 0.1
T = TypeVar("T")
Change = Callable[[float], T]
"""Makes a change, and waits so many seconds for the lock of its model; raises Locked."""


async def changed(change: Change[T], wait_s: float = LOCK_WAIT_S, chance: Callable[[], float] = random.random) -> T:
    """Make a change when the lock of its model is free; raise Locked if that takes longer than `wait_s`.

    A request that is cancelled meanwhile changes nothing.
    """
    clock = asyncio.get_running_loop().time
    end_s, pause_s = clock() + wait_s, FIRST_PAUSE_S
    while True:
        try:
            return await asyncio.to_thread(change, 0.0)
        except Locked:
            if clock() >= end_s:
                raise
        await asyncio.sleep(pause_s * (0.5 + chance() / 2))
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
