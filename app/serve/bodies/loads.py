"""Loads versions for waiting requests in separate threads, so that no other work waits for a load."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable
from functools import partial
from typing import Protocol, TypeVar

from app.schemas.requests import Version
from app.serve.health_checks import run_in_thread
from app.service import Service

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class NotLoaded(Exception):
    """A version must be loaded before a request can be checked."""

    def __init__(self, name: str, number: int, *, named: bool) -> None:
        """`named`: the request names this version, or an alias of it."""
        super().__init__(name, number)
        self.name = name
        self.number = number
        self.named = named


class Check(Protocol[T_co]):
    """Checks a request in a thread; with `loaded` it raises NotLoaded for a version that is not in memory."""

    def __call__(self, *, loaded: bool) -> Awaitable[T_co]:
        """Return the result of the check."""


def require_loaded(service: Service, name: str | None, version: Version | None) -> None:
    """Raise NotLoaded for a version that is not in memory; NotFound or NotFitted if there is none."""
    name = service.default_model if name is None else name
    if service.ready(name, version) is None:
        service.models.check(name)
        number = service.manifest(name, version).version
        if service.loaded(name, number) is None:
            raise NotLoaded(name, number, named=version is not None)


class Loads:
    """Loads each version once for all waiting requests, and one version of a model at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._running: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def after(self, check: Check[T]) -> T:
        """Return the result of a check, which is repeated after NotLoaded when its version is in memory."""
        try:
            return await check(loaded=True)
        except NotLoaded as version:
            try:
                await self._ready(version.name, version.number)
            except Exception:
                if version.named or not self._service.has_stand_in(version.name, version.number):
                    raise
        return await check(loaded=False)

    async def _ready(self, name: str, number: int) -> None:
        """Wait until a version is in memory; raise as `Service.fitted` does."""
        key = name, number
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.create_task(self._load(name, number))
            running.add_done_callback(partial(self._done, key))
        await asyncio.shield(running)

    async def _load(self, name: str, number: int) -> None:
        async with self._turns[name]:
            await run_in_thread(partial(self._service.fitted, name, number), "load")

    def _done(self, key: tuple[str, int], task: asyncio.Task[None]) -> None:
        del self._running[key]
        if not any(name == key[0] for name, _ in self._running):
            del self._turns[key[0]]
        if not task.cancelled():
            task.exception()  # the waiting clients may have disconnected
