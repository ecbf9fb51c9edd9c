"""Rings the workers for jobs that are committed: messages go out one after the other, and nobody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from logging import getLogger

from app.errors import Unavailable
from app.lanes import messages
from app.schemas import VERBS, Verb

logger = getLogger(__name__)
Publish = Callable[[Verb, list[str]], None]


class Bell:
    """Jobs that are committed while a message is on its way go out together in the next.

    A message that the broker doesn't take is no loss: the workers find jobs that nobody rang for.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bell")
        self._waiting: dict[Verb, list[str]] = {verb: [] for verb in VERBS}
        self._ringing: asyncio.Task[None] | None = None

    def ring(self, verb: Verb, job_ids: Sequence[str]) -> None:
        """Have a message sent for jobs; return at once."""
        self._waiting[verb] += job_ids
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
            while any(self._waiting.values()):
                gathered, self._waiting = self._waiting, {verb: [] for verb in VERBS}
                await loop.run_in_executor(self._thread, self._send, gathered)
        finally:
            self._ringing = None

    def _send(self, gathered: dict[Verb, list[str]]) -> None:
        for verb, job_ids in gathered.items():
            for message in messages(verb, job_ids):
                try:
                    self._publish(verb, message)
                except Unavailable as error:
                    logger.warning("%s; the workers will find the jobs", error.detail)
                    return
