"""Bodies as they come, and the hop to a thread, which costs more than what is to be done with a small one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias, TypeVar

Body: TypeAlias = bytes | bytearray | memoryview
T = TypeVar("T")

SMALL_BYTES = 65_536  # up to this size, reading or writing JSON costs less than the hop


async def run_in_pool_if_large(call: Callable[[], T], pool: ThreadPoolExecutor, json_bytes: int) -> T:
    """Call, in a thread when so much JSON, read or written, takes longer than the hop to it."""
    return call() if json_bytes <= SMALL_BYTES else await asyncio.get_running_loop().run_in_executor(pool, call)
