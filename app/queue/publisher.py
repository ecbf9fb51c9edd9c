"""Rings the workers for jobs that are committed: messages go out one after the other, and nobody waits for them."""

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


class Publisher:
    """Jobs that are committed while a message is on its way go out together in the next.

    A message that the broker doesn't take is no loss: the workers find jobs that nobody rang for.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bell")
        self._waiting: dict[Verb, list[JobRef]] = {verb: [] for verb in VERBS}
        self._alone: list[tuple[Verb, list[JobRef]]] = []
        self._ringing: asyncio.Task[None] | None = None

    def ring(self, verb: Verb, call: JobRef, *, alone: bool = False) -> None:
        """Have a message sent for a job, and for others if it isn't to go `alone`; return at once."""
        if alone:
            self._alone.append((verb, [call]))
        else:
            self._waiting[verb].append(call)
        if self._ringing is None:
            self._ringing = asyncio.create_task(self._ring_all())

    async def close(self) -> None:
        """Let what is on its way arrive."""
        if self._ringing is not None:
            await self._ringing
        await asyncio.to_thread(self._thread.shutdown)

    async def _ring_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._alone or any(self._waiting.values()):
                sending = [
                    *self._alone,
                    *((verb, message) for verb, calls in self._waiting.items() for message in messages(verb, calls)),
                ]
                self._alone, self._waiting = [], {verb: [] for verb in VERBS}
                await loop.run_in_executor(self._thread, self._send, sending)
        finally:
            self._ringing = None

    def _send(self, sending: Sequence[tuple[Verb, list[JobRef]]]) -> None:
        for verb, calls in sending:
            try:
                self._publish(verb, calls)
            except Unavailable as error:
                logger.warning("%s; the workers will find the jobs", error.detail)
                return
