"""Processor time of a piece of work, as a number that depends neither on the machine nor on other tests."""

from __future__ import annotations

import functools
import gc
import time
from collections.abc import Callable

LOOPS = 5_000_000


def units(work: Callable[[], object]) -> float:
    """Return the processor time of `work`; a unit is that of a simple loop, some 0.1 s on a machine of 2024.

    What other tests left in memory is excluded from garbage collection, also afterwards: else the collector would look
    through it all the time.
    """
    gc.collect()
    gc.freeze()
    return _measured_s(work) / _unit_s()


@functools.cache
def _unit_s() -> float:
    return min(_measured_s(_loop) for _ in range(3))


def _loop() -> None:
    for _ in range(LOOPS):
        pass


def _measured_s(work: Callable[[], object]) -> float:
    began_s = time.process_time()
    work()
    return time.process_time() - began_s
