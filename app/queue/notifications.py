"""Lets any number of requests wait for jobs over one subscription to the ledger, without a thread each."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from logging import getLogger

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from app.queue.ledger.scripts import CHANNEL, TIMEOUT_S

logger = getLogger(__name__)

ANY_JOB = "*"  # in the place of a job's id: whatever happens to whichever job
RETRY_S = 1.0
SILENCE_S = 5.0  # after which the connection is tried: what drops packets closes nothing


class JobNotifications:
    """Hears what happens to jobs; a notice may be lost with a connection, so whoever waits also looks now and then."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._listener: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def changes(self, job_id: str) -> AsyncIterator[asyncio.Event]:
        """Give an event that is set whenever something happens to the job, or to ANY; look once more after entering."""
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen())
        event = asyncio.Event()
        self._waiting[job_id].add(event)
        try:
            yield event
        finally:
            self._waiting[job_id].discard(event)
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    def wake(self) -> None:
        """Set the events of all who wait now, whether or not anything happened to their jobs."""
        for events in self._waiting.values():
            for event in events:
                event.set()

    async def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener

    async def _listen(self) -> None:
        while True:
            try:
                async with (
                    Redis.from_url(self._url, socket_connect_timeout=TIMEOUT_S, socket_keepalive=True) as redis,
                    redis.pubsub() as subscription,
                ):
                    await subscription.subscribe(CHANNEL)
                    self.wake()  # what happened while nobody listened
                    await self._hear(subscription)
            except (RedisError, OSError) as error:
                logger.warning("no notices from the ledger (%s); listening again", type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _hear(self, subscription: PubSub) -> None:
        """Pass on notices; raise ConnectionError when the ledger has been silent though it was asked for a word."""
        asked = False
        while True:
            message = await subscription.get_message(timeout=SILENCE_S)
            if message is not None:
                asked = False
                self._notify(message)
            elif asked:
                raise ConnectionError("the ledger has gone silent")
            else:
                asked = True
                await subscription.ping()

    def _notify(self, message: dict[str, object]) -> None:
        if message["type"] == "message" and isinstance(data := message["data"], bytes):
            for event in self._waiting.get(ANY_JOB, ()):
                event.set()
            for notice in data.split(b"\n"):
                for event in self._waiting.get(notice.partition(b" ")[0].decode(), ()):
                    event.set()
