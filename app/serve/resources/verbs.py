"""POST /fit, /predict and /score, on the default model or on a named one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeAlias

from falcon.asgi import Request as HttpRequest
from falcon.asgi import Response

from app.dispatch.dispatcher import Dispatcher
from app.errors import Unavailable
from app.schemas.jobs import Job
from app.schemas.requests import Request, Work
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies.hop import SMALL_BYTES, Body
from app.serve.bodies.npy_body import as_npy, is_npy, prefers_npy
from app.serve.bodies.reader import BodyReader, media_type, parse
from app.serve.idempotency import idempotency_key
from app.serve.job_options import JobOptions
from app.serve.preferences import Preference, preference
from app.serve.responses import send_array, send_submitted
from app.service import Service
from app.settings import Mode, Settings

MOMENT_S = 0.1
Query: TypeAlias = Mapping[str, str | list[str]]


class VerbResource:
    """One verb of the trinity: parse and check, dispatch, answer."""

    def __init__(
        self,
        verb: Verb,
        service: Service,
        dispatcher: Dispatcher,
        pool: ThreadPoolExecutor,
        *,
        bodies: BodyReader,
        settings: Settings,
    ) -> None:
        self._verb: Verb = verb
        self._service = service
        self._dispatcher = dispatcher
        self._pool = pool
        self._bodies = bodies
        self._wishes = JobOptions(settings)
        self._max_wait_s = settings.max_wait
        self._queued = settings.mode is Mode.ASYNC

    async def on_post(self, req: HttpRequest, resp: Response, name: str | None = None) -> None:
        """Have the work done and answer its envelope."""
        numbers = not VERBS[self._verb].needs_y and prefers_npy(req)
        body = await (self._bodies.read_raw(req) if is_npy(req) else self._bodies.read(req))
        try:
            asked = preference(req).bounded(self._max_wait_s)
            key = idempotency_key(req, body)
            work = await self._checked(media_type(self._verb, req, body), body, req.params, name)
            job = await self._dispatcher.submit(work, key, numbers=numbers)
        finally:
            self._bodies.release(body)
        if asked.wait_s and not job.finished:
            job, asked = await self._awaited(job, asked, asked.wait_s)
        if numbers and job.status == "SUCCESS":
            npy = await as_npy(job, self._pool)
            send_array(resp, job, npy, asked, queued=self._queued)
        else:
            send_submitted(resp, job, asked, queued=self._queued)

    async def _awaited(self, job: Job, asked: Preference, wait_s: int) -> tuple[Job, Preference]:
        """Return the job at its end or after so many seconds; a wait that ended early was not applied."""
        clock = asyncio.get_running_loop().time
        begun_s = clock()
        with suppress(Unavailable):  # the job is accepted, whether or not it can be watched
            job = await self._dispatcher.job(job.id, wait_s)
        waited = job.finished or clock() - begun_s > wait_s - MOMENT_S
        return job, asked if waited else asked._replace(wait_s=None)

    async def _checked(self, kind: str, body: Body, query: Query, name: str | None) -> Work:
        """Read and check a request: in a thread where its body is large, or its version has to be loaded first."""
        if len(body) > SMALL_BYTES:
            return await self._bodies.run_in_pool(
                body, self._pool, lambda: self._service.check(self._verb, self._request(kind, body, query, name))
            )
        request = self._request(kind, body, query, name)
        check = partial(self._service.check, self._verb, request)
        if VERBS[self._verb].publishes:
            return check()
        model, request.version = self._service.pin(request.model, request.version)
        if self._service.is_loaded(model, request.version):
            return check()
        return await self._bodies.run_in_pool(body, self._pool, check)

    def _request(self, kind: str, body: Body, query: Query, name: str | None) -> Request:
        request = parse(self._verb, kind, body, query, name)
        if request.timeout is not None or request.webhook is not None:
            self._wishes.check(request)
        return request
