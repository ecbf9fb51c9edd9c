"""When a failed delivery is tried again: 12 tries in about five minutes, with growing pauses."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_PAUSE_S = 2.0
GROWTH = 1.48
TRIES = 12
JITTER = 0.2  # spreads the tries of many webhooks to a receiver that was away
PAUSES_S = tuple(FIRST_PAUSE_S * GROWTH**failed for failed in range(TRIES - 1))


def next_try(tries: int, chance: Callable[[], float] = random.random) -> float | None:
    """Return the seconds until the next try after `tries` tries, None after the last; `chance` returns [0, 1)."""
    if tries <= 0:
        return 0.0
    return PAUSES_S[tries - 1] * (1 - JITTER + 2 * JITTER * chance()) if tries < TRIES else None
