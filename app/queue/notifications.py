"""Wakes requests that wait for jobs: one Redis subscription for all of them, and no thread for each."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from logging import getLogger

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from app.queue.ledger.scripts import CHANNEL, TIMEOUT_S

logger = getLogger(__name__)

ANY_JOB = "*"  # instead of a job's id: whatever happens to any job
RETRY_S = 1.0
SILENCE_S = 5.0  # after which the connection is tested: a network that drops packets closes nothing


class JobNotifications:
    """Listens to the ledger's notices. A lost connection loses notices, so waiting requests also poll now and then."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._subscribers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._listener: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def subscribe(self, job_id: str) -> AsyncIterator[asyncio.Event]:
        """Give an event that is set whenever something happens to the job (or ANY_JOB); read the job after entering."""
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen())
        event = asyncio.Event()
        self._subscribers[job_id].add(event)
        try:
            yield event
        finally:
            self._subscribers[job_id].discard(event)
            if not self._subscribers[job_id]:
                del self._subscribers[job_id]

    def wake_all(self) -> None:
        """Set the events of all subscribers, whether or not anything happened to their jobs."""
        self._wake(self._subscribers)

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
                    self.wake_all()  # notices may have been lost meanwhile
                    await self._read(subscription)
            except (RedisError, OSError) as error:
                logger.warning("no connection for the ledger's notices (%s); reconnecting", type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _read(self, subscription: PubSub) -> None:
        """Pass notices on; raise ConnectionError when the ledger stays silent although it was pinged."""
        pinged = False
        while True:
            message = await subscription.get_message(timeout=SILENCE_S)
            if message is not None:
                pinged = False
                self._notify(message)
            elif pinged:
                raise ConnectionError("the ledger does not answer a ping")
            else:
                pinged = True
                await subscription.ping()

    def _notify(self, message: dict[str, object]) -> None:
        if message["type"] == "message" and isinstance(data := message["data"], bytes):
            self._wake([ANY_JOB, *(notice.partition(b" ")[0].decode() for notice in data.split(b"\n"))])

    def _wake(self, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            for event in self._subscribers.get(job_id, ()):
                event.set()
