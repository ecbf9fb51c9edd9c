"""The states of files, read at most once per millisecond: they show a process that a file was replaced."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeAlias

FRESH_S = 0.001  # how long a process trusts a file's state; a fit waits as long before it returns
ABSENT_S = 0.01  # the same for a missing file, in `find`, which is for files that rarely appear
FileState: TypeAlias = tuple[int, int, int, int]
"""Modification time, inode, change time and size: another file has another state, even with copied times."""


def file_state(path: str) -> FileState:
    """Return the state of a file now; raise OSError."""
    stat = os.stat(path)  # noqa: PTH116  ten times as fast as a Path
    return stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns, stat.st_size


class FileStates:
    """Caches the states of files. Threads may share it: two reads at the same time give the same state."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._seen: dict[str, tuple[float, FileState]] = {}
        self._absent_until: dict[str, float] = {}

    def fresh_until_s(self, path: str) -> float:
        """Return until when, by the clock, the last state of a file, or its absence, is trusted."""
        seen = self._seen.get(path)
        return self._absent_until.get(path, 0.0) if seen is None else seen[0]

    def find(self, path: str) -> FileState | None:
        """Return the state of a file as `state` does; None if it was not there, at most ABSENT_S ago; raise OSError."""
        until_s = self._absent_until.get(path)
        if until_s is not None and self.clock() < until_s:
            return None
        try:
            state = self.state(path)
        except FileNotFoundError:
            self._absent_until[path] = self.clock() + ABSENT_S
            return None
        if until_s is not None:
            self._absent_until.pop(path, None)
        return state

    def state(self, path: str) -> FileState:
        """Return the state of a file, as it was at most FRESH_S ago; raise OSError."""
        now_s = self.clock()
        seen = self._seen.get(path)
        if seen is not None and now_s < seen[0]:
            return seen[1]
        try:
            state = file_state(path)
        except FileNotFoundError:
            self._seen.pop(path, None)
            raise
        self._seen[path] = now_s + FRESH_S, state
        return state
