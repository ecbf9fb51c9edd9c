"""What was loaded and may be asked for again, kept in memory: the most recent, in bounds of number and bytes."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Entry(Generic[T]):
    """A thing kept, what it takes, and when it was asked for last."""

    __slots__ = ("size", "thing", "used")

    def __init__(self, thing: T, size: int, used: int) -> None:
        self.thing = thing
        self.size = size
        self.used = used


class ModelCache(Generic[T]):
    """Versions by name and number; what was asked for last is kept, however large it is.

    Threads may ask at once: what is kept is read without a lock, and what two of them miss is loaded by both.
    """

    def __init__(
        self, load: Callable[[str, int], T], size: Callable[[T], int], *, max_count: int, max_bytes: int
    ) -> None:
        """`load` gives what isn't kept, and may raise; `size` counts the bytes that it takes."""
        self._load = load
        self._size = size
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._kept: dict[tuple[str, int], Entry[T]] = {}
        self._turns = itertools.count()
        self._dropping = threading.Lock()

    def get(self, name: str, version: int) -> T:
        """Return a version, loaded now if it isn't kept."""
        thing = self.kept(name, version)
        return self._keep(name, version) if thing is None else thing

    def kept(self, name: str, version: int) -> T | None:
        """Return a version if it is kept: nothing is loaded."""
        entry = self._kept.get((name, version))
        if entry is None:
            return None
        entry.used = next(self._turns)
        return entry.thing

    def _keep(self, name: str, version: int) -> T:
        thing = self._load(name, version)
        entry = Entry(thing, self._size(thing), next(self._turns))
        with self._dropping:
            self._kept[name, version] = entry
            while len(self._kept) > 1 and self._too_much():
                del self._kept[min(self._kept, key=lambda key: self._kept[key].used)]
        return thing

    def _too_much(self) -> bool:
        return len(self._kept) > self._max_count or sum(e.size for e in self._kept.values()) > self._max_bytes
