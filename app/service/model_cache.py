"""Loaded versions of models, kept in memory: the most recently used, bounded in number and bytes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class ModelCache(Generic[T]):
    """Versions by model name and number; the most recently used one is kept, however large it is.

    Several threads may use it. Threads that miss the same version wait for a single load of it, and not for loads of
    other versions.
    """

    def __init__(
        self,
        load: Callable[[str, int], T],
        size: Callable[[T], int],
        revision: Callable[[str, int], Hashable] = lambda *_: None,
        *,
        max_count: int,
        max_bytes: int,
        fresh_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` loads a version and may raise; `size` returns the bytes that a version takes.

        `revision` raises for a removed version. If it returns another value than before, the version is loaded again.
        It is called at each use, except within `fresh_s` seconds after the last call.
        """
        self._load = load
        self._revision = revision
        self._max_count = max_count
        self._fresh_s = fresh_s
        self._clock = clock
        self._versions: LRUCache[tuple[str, int], tuple[Hashable, T]] = LRUCache(
            max_bytes,
            lambda kept: min(size(kept[1]), max_bytes),  # a larger one fills the cache and evicts all others
        )
        self._fresh: dict[tuple[str, int], tuple[float, T]] = {}
        """Cached versions whose revision was just checked, and until when that check is trusted."""
        self._lock = threading.Lock()
        self._loading: dict[tuple[str, int], Future[T]] = {}

    def get(self, name: str, version: int) -> T:
        """Return a version; load it, or wait for its load, if it isn't cached or has changed."""
        kept = self.peek(name, version)
        if kept is not None:
            return kept
        key = name, version
        with self._lock:
            under_way = self._loading.get(key)
            if under_way is None:
                load = self._loading[key] = Future()
        if under_way is not None:
            return under_way.result()
        try:
            load.set_result(self._load_and_keep(name, version))
        except BaseException as error:  # waiting threads get it, too
            load.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._loading[key]
        return load.result()

    def _load_and_keep(self, name: str, version: int) -> T:
        kept = self.peek(name, version)
        if kept is not None:  # another load has just ended
            return kept
        revision = self._revision(name, version)  # before the load: a change during the load causes another load
        found = self._load(name, version)
        with self._lock:
            self._fresh.clear()  # it must not reference evicted versions
            self._versions[name, version] = revision, found
            if len(self._versions) > self._max_count:
                self._versions.popitem()
        return found

    @property
    def is_full(self) -> bool:
        """Whether another version, however small, would evict one."""
        with self._lock:
            return len(self._versions) >= self._max_count or self._versions.currsize >= self._versions.maxsize

    def seen(self, name: str, version: int) -> T | None:
        """Return a cached version whose last check is still trusted: `get` of it reads nothing."""
        found = self._fresh.get((name, version))
        return None if found is None else found[1]

    def peek(self, name: str, version: int) -> T | None:
        """Return a version if it is cached and unchanged, None if it must be loaded; raise as `revision` does."""
        key = name, version
        now_s, fresh = self._clock(), self._fresh.get(key)
        if fresh is not None and now_s < fresh[0]:
            return fresh[1]
        revision = self._revision(name, version)
        with self._lock:
            try:
                kept_revision, kept = self._versions[key]
            except KeyError:
                return None
            if kept_revision != revision:
                return None
            self._fresh[key] = now_s + self._fresh_s, kept
        return kept
