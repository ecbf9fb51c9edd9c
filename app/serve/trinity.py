"""POST /fit, /predict and /score, on the default model or on a named one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeAlias

from falcon.asgi import Request, Response

from app.dispatch.base import Dispatcher
from app.errors import Unavailable
from app.schemas import Job, Verb, Work
from app.serve.answer import send_submitted
from app.serve.body import JSON, Bodies, media_type, parse
from app.serve.idempotency import idempotency_key
from app.serve.preferences import preference
from app.serve.wishes import Wishes
from app.service import Service
from app.settings import Mode, Settings

Query: TypeAlias = Mapping[str, str | list[str]]

SMALL_BODY_BYTES = 65_536  # up to this size, decoding costs less than the hop to a thread


class VerbResource:
    """One verb of the trinity: parse and check, dispatch, answer."""

    def __init__(
        self,
        verb: Verb,
        service: Service,
        dispatcher: Dispatcher,
        pool: ThreadPoolExecutor,
        *,
        bodies: Bodies,
        settings: Settings,
    ) -> None:
        self._verb: Verb = verb
        self._service = service
        self._dispatcher = dispatcher
        self._pool = pool
        self._bodies = bodies
        self._wishes = Wishes(settings)
        self._max_wait_s = settings.max_wait
        self._queued = settings.mode is Mode.ASYNC
        self._holding = False

    async def on_post(self, req: Request, resp: Response, name: str | None = None) -> None:
        """Have the work done and answer its envelope."""
        body = await self._bodies.read(req)
        try:
            asked = preference(req).bounded(self._max_wait_s)
            key = idempotency_key(req, body)
            request = (media_type(req, body), body, req.params, name)
            work = self._check(*request) if len(body) <= SMALL_BODY_BYTES else await self._in_thread(*request)
            job = await self._dispatcher.submit(work, key)
        finally:
            self._bodies.release(body)
        if asked.wait_s and not job.finished:
            with suppress(Unavailable):  # the job is accepted, whether or not it can be watched
                job = await self._dispatcher.job(job.id, asked.wait_s)
        send_submitted(resp, job, asked, queued=self._queued)

    def at_once(self, body: bytes, name: str | None) -> Job | None:
        """Check a small JSON body and do the work if that is small too, without HTTP around it; raise TrinityError."""
        return self._dispatcher.at_once(self._check(JSON, body, {}, name))

    def accept(self, body: bytes, name: str | None) -> Awaitable[Job]:
        """Check a small JSON body, and return the job to be accepted; raise TrinityError, at once or when awaited."""
        self.hold()
        return self._dispatcher.submit(self._check(JSON, body, {}, name))

    async def _in_thread(self, kind: str, body: bytes, query: Query, name: str | None) -> Work:
        async with self._bodies.turn(body):
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._check, kind, body, query, name)

    def _check(self, kind: str, body: bytes, query: Query, name: str | None) -> Work:
        request = parse(self._verb, kind, body, query, name)
        if request.timeout is not None or request.webhook is not None:
            self._wishes.check(request)
        return self._service.check(self._verb, request)

    def hold(self) -> None:
        """Have requests that are answered while they are read share one look at the store, until the loop's next turn.

        They came to their sockets at the same time: no client can know of a fit that this look misses.
        """
        if not self._holding:
            self._holding = True
            self._service.hold()
            asyncio.get_running_loop().call_soon(self._release)

    def _release(self) -> None:
        self._holding = False
        self._service.release()
