"""POST /fit, /predict and /score, on the default model or on a named one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from falcon.asgi import Request as HttpRequest
from falcon.asgi import Response

from app.data.gzip_files import is_gzip
from app.dispatch.dispatcher import Dispatcher
from app.queue.job_options import check_job_options
from app.schemas.jobs import Job
from app.schemas.media_types import CSV, JSON
from app.schemas.query import Query
from app.schemas.requests import Request, Work
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies.answers import PredictionFormats
from app.serve.bodies.content_coding import is_coded
from app.serve.bodies.csv_body import hold_out
from app.serve.bodies.formats import parse, reader_for, readers
from app.serve.bodies.loads import Loads, require_loaded
from app.serve.bodies.multipart import Upload, opened
from app.serve.bodies.npy_body import NPY
from app.serve.bodies.reader import SMALL_BYTES, Body, BodyReader
from app.serve.idempotency import has_idempotency_key, idempotency_key
from app.serve.openapi import parts
from app.serve.openapi.parts import Parameter, ResponseSpec, ResponseSpecs
from app.serve.openapi.schemas import ENVELOPES, BodySchemas
from app.serve.preferences import preference
from app.serve.resources.file_requests import FileRequests
from app.serve.resources.route import Route
from app.serve.resources.upload_jobs import UploadJobs
from app.serve.responses import send_submitted
from app.serve.waiting import awaited
from app.service import Service
from app.settings import Mode, Settings

QUICK_TYPES = (JSON, NPY)
"""What is read without a thread if it is small; all else may have to be unpacked, or to load a library."""
PREFER = Parameter(
    "Prefer",
    str,
    "`wait=S`: wait up to S seconds for the result before 202; `respond-async`: answer 202 at once (RFC 7240).",
    "header",
)


class VerbResource:
    """One verb of the trinity: parse and check, dispatch, answer."""

    def __init__(  # noqa: PLR0913  each is a part of its own
        self,
        verb: Verb,
        service: Service,
        dispatcher: Dispatcher,
        pool: ThreadPoolExecutor,
        *,
        bodies: BodyReader,
        formats: PredictionFormats,
        loads: Loads,
        settings: Settings,
        uploads: UploadJobs,
    ) -> None:
        self._verb: Verb = verb
        self.files = FileRequests(verb, service, dispatcher, uploads, settings)
        self._spec = VERBS[verb]
        self._service = service
        self._dispatcher = dispatcher
        self._pool = pool
        self._bodies = bodies
        self._formats = formats
        self._loads = loads
        self._check = partial(service.check, verb)
        self._check_job_options = partial(check_job_options, settings)
        self._max_wait_s = settings.max_wait

    async def on_post(self, req: HttpRequest, resp: Response, name: str | None = None) -> None:
        """Have the work done and answer its envelope."""
        if self._service.models.any_files and await self.files.concerns(req, name):
            await self.files.answer(req, resp, name)
            return
        media_type = None if self._spec.needs_y else self._formats.preferred(req)
        body = await self._bodies.read(req)
        try:
            preferred = preference(req, self._max_wait_s)
            key = await idempotency_key(req, body, self._pool) if has_idempotency_key(req) else None
            work = await self._checked(req, body, name)
            job = await self._dispatcher.submit(work, key, as_array=media_type == NPY)
        finally:
            self._bodies.release(body)
        job, preferred = await awaited(self._dispatcher, job, preferred)
        answer = await self._formats.encode(job, media_type) if media_type else None
        send_submitted(resp, job, preferred, answer, root_path=req.root_path)

    async def submit_json(self, body: bytes, name: str) -> Job:
        """Check and submit a request in JSON that an application made, on the model `name`; return its job."""
        check = partial(self._parsed_and_checked, Upload(JSON, body, {}), name, coded=False)
        return await self._dispatcher.submit(await self._in_pool(body, check))

    async def _checked(self, req: HttpRequest, body: Body, name: str | None) -> Work:
        """Parse and check: in a thread where the body is large, or something has to be read from the disk first."""
        coded, content_type = is_coded(req), req.content_type
        packed = coded or is_gzip(body)  # what is unpacked may be large
        if packed or len(body) > SMALL_BYTES or not (content_type or JSON).startswith(QUICK_TYPES):
            upload = Upload(content_type, body, req.params)
            check = partial(self._parsed_and_checked, upload, name, coded=coded)
            return await self._in_pool(body, check)
        request = self._parse(content_type, body, req.params, name)
        work = self._service.check_loaded(self._verb, request)
        if work is None:
            return await self._in_pool(body, partial(self._check_in_thread, request))
        return work

    async def _in_pool(self, body: Body, check: Callable[..., Work]) -> Work:
        return await self._loads.after(
            lambda *, loaded: self._bodies.run_in_pool(body, self._pool, partial(check, loaded=loaded))
        )

    def _check_in_thread(self, request: Request, *, loaded: bool) -> Work:
        """Check a request; raise NotLoaded where its version has to be `loaded`, and is not."""
        if loaded and not self._spec.publishes:
            require_loaded(self._service, request.model, request.version)
        return self._check(request)

    def _parsed_and_checked(self, upload: Upload, name: str | None, *, coded: bool, loaded: bool) -> Work:
        """Do both; raise NotLoaded for a version that has to be `loaded`, and is not."""
        with self._bodies.unpacker() as unpack:
            if coded:
                upload = upload._replace(body=unpack(upload.body))
            upload = opened(upload)
            if is_gzip(upload.body):  # a file such as table.csv.gz, whatever its type is called
                upload = upload._replace(body=unpack(upload.body))
            request = self._parse(upload.content_type, upload.body, upload.query, name)
            if upload.held_out is not None:
                rows = unpack(upload.held_out) if is_gzip(upload.held_out) else upload.held_out
                hold_out(self._verb, request, rows)
            return self._check_in_thread(request, loaded=loaded)

    def _parse(self, content_type: str | None, body: Body, query: Query, name: str | None) -> Request:
        reader = reader_for(self._verb, content_type, body)
        if reader.parameters is not None:
            query = {**reader.parameters(content_type or ""), **query}
        request = parse(self._verb, reader, body, query, name)
        self._check_job_options(request)
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
            (*schemas.query(verb), *([PREFER] if queued else []), parts.IDEMPOTENCY_KEY),
            schemas.body(verb),
            operation=verb,
            reads_query=True,
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
    formats = " or ".join(reader.name for reader in readers(verb))
    reused = " Or the Idempotency-Key was used for another request." if queued else ""
    envelope = {JSON: ENVELOPES[verb], **({} if spec.needs_y else {NPY: parts.BYTES, CSV: parts.TEXT})}
    return {
        **parts.BODY_ERRORS,
        500: parts.JOB_ERRORS[500],
        409: parts.OTHER_ESTIMATOR if spec.publishes else parts.CLASS_CHANGED,
        200: ResponseSpec("The work is done; `result` holds its result.", envelope),
        404: ResponseSpec(missing),
        415: ResponseSpec(f"The body is not {formats}, or it is compressed by other means than gzip."),
        422: ResponseSpec(f"A value is wrong; `errors` points to it.{reused}"),
        503: ResponseSpec(
            "This process has no capacity for it now; or the store cannot be read.", headers=parts.RETRY_AFTER
        ),
        **(
            {202: parts.accepted_response("The job is accepted.", ENVELOPES[verb]), **parts.QUEUED_ERRORS}
            if queued
            else {}
        ),
    }
