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
from app.serve.openapi.parts import (
    BYTES,
    IDEMPOTENCY_KEY,
    JOB_ERRORS,
    JSON,
    NPY,
    QUEUE_FULL,
    RETRY_AFTER,
    Parameter,
    ResponseSpec,
    ResponseSpecs,
    accepted_response,
    problem_response,
)
from app.serve.openapi.schemas import ENVELOPES, BodySchemas
from app.serve.preferences import Preference, preference
from app.serve.resources.route import Route
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


def verb_routes(resources: Mapping[Verb, VerbResource], schemas: BodySchemas, settings: Settings) -> list[Route]:
    """Return the routes of the verbs, first on the default model, then on a named one."""
    queued = settings.mode is Mode.ASYNC
    plain = [
        Route(
            "POST",
            f"/{verb}",
            VERBS[verb].description,
            _responses(verb, queued=queued),
            (*schemas.query(verb), *([PREFER] if queued else []), IDEMPOTENCY_KEY),
            schemas.body(verb),
            operation=verb,
            resource=resource,
        )
        for verb, resource in resources.items()
    ]
    named = [
        route._replace(
            path=f"/models/{{name}}{route.path}",
            description=f"The same as {route.path}, on a named model.",
            operation=f"{route.operation}_model",
        )
        for route in plain
    ]
    return plain + named


def _responses(verb: Verb, *, queued: bool) -> ResponseSpecs:
    spec = VERBS[verb]
    missing = "There is no such model." if spec.publishes else "There is no such model or version, or no fitted one."
    reused = " Or the Idempotency-Key was used for another request." if queued else ""
    envelope = {JSON: ENVELOPES[verb], **({} if spec.needs_y else {NPY: BYTES})}
    return {
        **UNREADABLE,
        500: JOB_ERRORS[500],
        200: ResponseSpec("The work is done; `result` holds its result.", envelope),
        404: problem_response(missing),
        422: problem_response(f"A value is wrong; `errors` points to it.{reused}"),
        503: problem_response("This process has no capacity for it now; or the store cannot be read.", RETRY_AFTER),
        **(_queued_responses(verb) if queued else {}),
    }


def _queued_responses(verb: Verb) -> ResponseSpecs:
    return {
        **JOB_ERRORS,
        202: accepted_response("The job is accepted, and will end.", ENVELOPES[verb]),
        410: problem_response("The job was cancelled while this request waited for it."),
        429: QUEUE_FULL,
        503: problem_response("The ledger or the store does not answer, or this process has no capacity.", RETRY_AFTER),
    }


PREFER = Parameter(
    "Prefer",
    str,
    "`wait=S`: wait up to S seconds for the result before 202; `respond-async`: answer 202 at once (RFC 7240).",
    "header",
)
UNREADABLE: ResponseSpecs = {
    400: problem_response("The body or the Idempotency-Key is malformed."),
    408: problem_response("The body did not arrive in time."),
    413: problem_response("The body is larger than TRINITY_MAX_BODY bytes."),
    415: problem_response("The body's type or encoding is not supported."),
}
