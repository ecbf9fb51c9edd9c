"""Loaded versions of models, kept in memory: the most recently used, bounded in number and bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class ModelCache(Generic[T]):
    """Versions by model name and number; the one used last is kept, however large it is.

    Several threads may use it. The lock is not held while a version loads: two threads that miss the same version
    both load it, and it is kept once.
    """

    def __init__(
        self,
        load: Callable[[str, int], T],
        size: Callable[[T], int],
        revision: Callable[[str, int], Hashable] = lambda *_: None,
        *,
        max_count: int,
        max_bytes: int,
    ) -> None:
        """`load` loads a version and may raise; `size` returns the bytes that a version takes.

        `revision` is called at each use, and raises for a version that is gone. Where it returns another value than
        before, the version is loaded again.
        """
        self._load = load
        self._revision = revision
        self._max_count = max_count
        self._versions: LRUCache[tuple[str, int], tuple[Hashable, T]] = LRUCache(
            max_bytes,
            lambda kept: min(size(kept[1]), max_bytes),  # a larger one fills the cache: it stays, all others go
        )
        self._lock = threading.Lock()

    def get(self, name: str, version: int) -> T:
        """Return a version; load it if it isn't kept, or is not what it was."""
        revision = self._revision(name, version)  # before the load: what changes during it is loaded again
        kept = self._kept(name, version, revision)
        if kept is not None:
            return kept
        found = self._load(name, version)
        with self._lock:
            self._versions[name, version] = revision, found
            if len(self._versions) > self._max_count:
                self._versions.popitem()
        return found

    def peek(self, name: str, version: int) -> T | None:
        """Return a version if it is kept as it is now, None if it has to be loaded; raise as `revision` does."""
        return self._kept(name, version, self._revision(name, version))

    def _kept(self, name: str, version: int, revision: Hashable) -> T | None:
        with self._lock:
            try:
                kept_revision, kept = self._versions[name, version]
            except KeyError:
                return None
        return kept if kept_revision == revision else None
