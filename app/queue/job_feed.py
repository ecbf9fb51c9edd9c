"""Streams the latest jobs: each process reads them once when something happens, for all its clients together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from app.errors import TrinityError
from app.queue.notifications import ANY_JOB, JobNotifications
from app.schemas.jobs import Job

MIN_INTERVAL_S = 0.25  # between two reads when much happens
POLL_S = 5.0  # between two reads when no notice comes
HEARTBEAT_S = 15.0  # how often a stream without events sends a sign of life
Jobs = list[Job]


class JobFeed:
    """One task reads the latest jobs while any client is connected. A slow client gets the latest list, no backlog."""

    def __init__(self, read: Callable[[], Awaitable[Jobs]], notifications: JobNotifications) -> None:
        self._read = read
        self._notifications = notifications
        self._clients: set[asyncio.Event] = set()
        self._reader: asyncio.Task[None] | None = None
        self._latest: Jobs | None = None
        self._stopping = False

    async def latest_jobs(self, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[Jobs | None]:
        """Give the latest jobs whenever they change; None after `heartbeat_s` seconds without a change."""
        changed = asyncio.Event()
        self._clients.add(changed)
        if self._reader is None or self._reader.done():
            self._latest = None
            self._reader = asyncio.create_task(self._follow())
        elif self._latest is not None:
            changed.set()
        try:
            while not self._stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), heartbeat_s)
                jobs = self._latest if changed.is_set() else None
                changed.clear()
                yield jobs
        finally:
            self._clients.discard(changed)
            if not self._clients and self._reader is not None:
                self._reader.cancel()
                self._reader = None

    def stop(self) -> None:
        """End all streams; clients reconnect to another process."""
        self._stopping = True
        self._notify()

    async def _follow(self) -> None:
        async with self._notifications.subscribe(ANY_JOB) as noticed:
            while True:
                noticed.clear()
                with suppress(TrinityError):  # while the ledger is down, clients keep the last list
                    jobs = await self._read()
                    if jobs != self._latest:
                        self._latest = jobs
                        self._notify()
                await asyncio.sleep(MIN_INTERVAL_S)
                with suppress(TimeoutError):
                    await asyncio.wait_for(noticed.wait(), POLL_S)

    def _notify(self) -> None:
        for changed in self._clients:
            changed.set()
