"""The newest jobs for all who watch them: read once a process when something happens, however many watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from app.errors import TrinityError
from app.queue.notifications import ANY_JOB, JobNotifications
from app.schemas.jobs import Job

PAUSE_S = 0.25  # between two looks, when much happens
LOOK_AGAIN_S = 5.0  # when nothing is heard of
HEARTBEAT_S = 15.0
Jobs = list[Job]


class JobFeed:
    """One task reads the newest jobs as long as anybody watches; each watcher gets the latest, never a backlog."""

    def __init__(self, read: Callable[[], Awaitable[Jobs]], watch: JobNotifications) -> None:
        self._read = read
        self._watch = watch
        self._watchers: set[asyncio.Event] = set()
        self._reader: asyncio.Task[None] | None = None
        self._newest: Jobs | None = None
        self._stopping = False

    async def changes(self, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[Jobs | None]:
        """Give the newest jobs whenever they have changed; None when they haven't for a while, or can't be read."""
        news = asyncio.Event()
        self._watchers.add(news)
        if self._reader is None or self._reader.done():
            self._newest = None
            self._reader = asyncio.create_task(self._keep_reading())
        elif self._newest is not None:
            news.set()
        try:
            while not self._stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), heartbeat_s)
                told = self._newest if news.is_set() else None
                news.clear()
                yield told
        finally:
            self._watchers.discard(news)
            if not self._watchers and self._reader is not None:
                self._reader.cancel()
                self._reader = None

    def stop(self) -> None:
        """Let all streams end; those who watch come back to another process."""
        self._stopping = True
        self._tell()

    async def _keep_reading(self) -> None:
        async with self._watch.changes(ANY_JOB) as changed:
            while True:
                changed.clear()
                with suppress(TrinityError):  # the ledger is away: what is known stays
                    jobs = await self._read()
                    if jobs != self._newest:
                        self._newest = jobs
                        self._tell()
                await asyncio.sleep(PAUSE_S)
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), LOOK_AGAIN_S)

    def _tell(self) -> None:
        for news in self._watchers:
            news.set()
