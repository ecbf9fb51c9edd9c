"""Publishes messages for committed jobs, one after the other. No request waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from logging import getLogger

from app.errors import Unavailable
from app.queue.messages import JobRef, messages
from app.schemas.verbs import VERBS, Verb

logger = getLogger(__name__)
Publish = Callable[[Verb, list[JobRef]], None]

BUSY_JOBS = 8  # so many published or committed at once show that the service is under load
MESSAGE_DELAY_S = 0.015  # under load, how long the jobs of the next message gather: workers pay for each message


class Publisher:
    """Jobs that are committed while a message is being sent share the next message.

    Nothing waits when the service is idle. Under load jobs gather for another `delay_s` seconds. A message that the
    broker does not take is no loss: the workers find jobs without a message in the ledger.
    """

    def __init__(self, publish: Publish, delay_s: float = MESSAGE_DELAY_S) -> None:
        self._publish = publish
        self._delay_s = delay_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="publisher")
        self._waiting: dict[Verb, list[JobRef]] = {verb: [] for verb in VERBS}
        self._unbatched: list[tuple[Verb, list[JobRef]]] = []
        self._publishing: asyncio.Task[None] | None = None

    def publish(self, verb: Verb, job: JobRef, *, unbatched: bool = False) -> None:
        """Have a message sent for a job, and return at once; an `unbatched` job gets a message of its own."""
        if unbatched:
            self._unbatched.append((verb, [job]))
        else:
            self._waiting[verb].append(job)
        if self._publishing is None:
            self._publishing = asyncio.create_task(self._publish_all())

    async def close(self) -> None:
        """Wait until all messages are sent."""
        if self._publishing is not None:
            await self._publishing
        await asyncio.to_thread(self._thread.shutdown)

    async def _publish_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._unbatched or any(self._waiting.values()):
                shared = [(verb, message) for verb, jobs in self._waiting.items() for message in messages(verb, jobs)]
                group = self._unbatched + shared
                self._unbatched, self._waiting = [], {verb: [] for verb in VERBS}
                await loop.run_in_executor(self._thread, self._send, group)
                if sum(len(jobs) for _, jobs in group) >= BUSY_JOBS:
                    await asyncio.sleep(self._delay_s)
        finally:
            self._publishing = None

    def _send(self, group: Sequence[tuple[Verb, list[JobRef]]]) -> None:
        for verb, jobs in group:
            try:
                self._publish(verb, jobs)
            except Unavailable as error:
                logger.warning("%s; the workers will find the jobs", error.detail)
                return
            except Exception:
                logger.exception("a message could not be sent; the workers will find its jobs")
