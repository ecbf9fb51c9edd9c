"""Loaded versions of models, kept in memory: the most recently used, bounded in number and bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class ModelCache(Generic[T]):
    """Versions by model name and number; the one used last is kept, however large it is.

    Several threads may use it. The lock is not held while a version loads: two threads that miss the same version
    both load it, and it is kept once.
    """

    def __init__(
        self, load: Callable[[str, int], T], size: Callable[[T], int], *, max_count: int, max_bytes: int
    ) -> None:
        """`load` loads a version and may raise; `size` returns the bytes that a version takes."""
        self._load = load
        self._max_count = max_count
        self._versions: LRUCache[tuple[str, int], T] = LRUCache(
            max_bytes,
            lambda version: min(size(version), max_bytes),  # a larger one fills the cache: it stays, all others go
        )
        self._lock = threading.Lock()

    def get(self, name: str, version: int) -> T:
        """Return a version; load it if it isn't kept."""
        with suppress(KeyError), self._lock:
            return self._versions[name, version]
        found = self._load(name, version)
        with self._lock:
            self._versions[name, version] = found
            if len(self._versions) > self._max_count:
                self._versions.popitem()
        return found

    def __contains__(self, key: tuple[str, int]) -> bool:
        """Return whether a version is kept; that is no use of it."""
        return key in self._versions
