"""Which versions predict too slowly for the event loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

VersionKey: TypeAlias = tuple[str, int | None]

QUICK_S = 0.001  # longest time of a prediction of few rows on the event loop
FEW_ROWS = 32
SLOW_S = 0.005  # longest time of a larger one
SLOW_CALLS = 2  # after so many slow calls in a row the version is called in a thread
TRIED_S = 0.02  # a version that took longer in a thread is not tried on the loop again
PAUSE_S, MAX_PAUSE_S = 1.0, 64.0  # pause before the first try, doubled by each failed try, and its limit


def is_slow(took_s: float, rows: int) -> bool:
    """Whether a call took longer than one on the event loop may."""
    return took_s > SLOW_S or (took_s > QUICK_S and rows <= FEW_ROWS)


@dataclass(slots=True)
class _State:
    slow_calls: int = 0
    pause_s: float = field(default=PAUSE_S / 2)
    tried_after_s: float = 0.0
    """When to try it on the loop again, although it seems to be slow."""
    took_s: float = 0.0


class SlowVersions:
    """Versions whose predictions were slow on the event loop, several times in a row; they stay off it while they are.

    A version that is quick in a thread returns to the loop at once. A quick version may look slow in a thread while
    other threads are busy, so each version is tried on the loop from time to time.
    """

    def __init__(self) -> None:
        self._states: dict[VersionKey, _State] = {}

    def __bool__(self) -> bool:
        """Whether any version is slow."""
        return bool(self._states)

    def keeps_off(self, version: VersionKey, now_s: float) -> bool:
        """Whether a version's next prediction must run off the event loop."""
        state = self._states.get(version)
        if state is None or state.slow_calls < SLOW_CALLS:
            return False
        return now_s < state.tried_after_s or state.took_s > TRIED_S

    def add(self, version: VersionKey, took_s: float, now_s: float, *, on_loop: bool) -> None:
        """Record a slow call."""
        state = self._states.get(version)
        if state is None:
            if not on_loop:
                return
            state = self._states[version] = _State()
        state.took_s = took_s
        if on_loop:
            state.slow_calls += 1
            if state.slow_calls >= SLOW_CALLS:
                state.pause_s = min(2 * state.pause_s, MAX_PAUSE_S)
                state.tried_after_s = now_s + state.pause_s

    def discard(self, version: VersionKey) -> None:
        """Record a quick call: the machine was slow before, not the model."""
        self._states.pop(version, None)
