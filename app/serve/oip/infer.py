"""POST /v2/models/{name}[/versions/{version}]/infer: a prediction; the request waits for it in both modes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Annotated

from falcon.asgi import Request as HttpRequest
from falcon.asgi import Response
from msgspec import Meta

from app.data.label_encoding import label_kind
from app.dispatch.dispatcher import Dispatcher, IdempotencyKey
from app.errors import NotInTime, TrinityError, Unavailable, UnsupportedMediaType
from app.schemas.jobs import Job
from app.schemas.media_types import JSON, essence
from app.schemas.problems import problem
from app.schemas.requests import Request, Version, Work, Y, parse_version
from app.serve.bodies.content_coding import is_coded
from app.serve.bodies.loads import Loads, require_loaded
from app.serve.bodies.reader import SMALL_BYTES, Body, BodyReader, run_in_pool_if_large
from app.serve.idempotency import has_idempotency_key, idempotency_key
from app.serve.oip.messages import (
    BINARY,
    HEADER,
    InferenceRequest,
    InferenceResponse,
    InferInput,
    read_request,
    response,
)
from app.serve.oip.metadata import model_route, refuse_files
from app.serve.openapi import parts
from app.serve.openapi.parts import Parameter, RequestBody, ResponseSpec, ResponseSpecs
from app.serve.preferences import was_cut_short
from app.serve.problems import send_problem
from app.service import Service
from app.storage.manifest import Manifest

NUMBER_BYTES = 20  # approximate size of a float64 in JSON
PAST_STOP_S = 5.0  # longest wait while the process stops, which gunicorn allows for 30 s: most predictions end soon
JSON_LENGTH = Annotated[str, Meta(pattern="^[0-9]{1,18}$")]
TENSOR = '{"inputs": [{"name": "X", "shape": [2, 1], "datatype": "FP64", "data": [-0.5, 0.5]}]}'
OUTPUT = {JSON: InferenceResponse, BINARY: parts.BYTES}
RESPONSES: ResponseSpecs = {
    **parts.BODY_ERRORS,
    **parts.QUEUED_ERRORS,
    200: ResponseSpec("The output.", OUTPUT, {HEADER: "Bytes of JSON before the binary y."}),
    415: ResponseSpec("The body is neither JSON nor binary tensors, or it is compressed by other means than gzip."),
    504: ResponseSpec("The prediction did not end in time.", headers=parts.RETRY_AFTER),
}


class Infer:
    """Predictions by the protocol, which has no jobs: the client waits for the result, at most TRINITY_MAX_WAIT."""

    def __init__(
        self,
        service: Service,
        dispatcher: Dispatcher,
        pool: ThreadPoolExecutor,
        bodies: BodyReader,
        loads: Loads,
        max_wait_s: int,
    ) -> None:
        self._service = service
        self._dispatcher = dispatcher
        self._pool = pool
        self._bodies = bodies
        self._max_wait_s = max_wait_s
        self._loads = loads

    @model_route(
        "/infer",
        "Predicts y for the tensor X, by the Open Inference Protocol: JSON or binary tensors.",
        RESPONSES,
        "v2_infer",
        parameters=(
            Parameter(HEADER, JSON_LENGTH, "How many bytes of the body are JSON; binary tensors follow.", "header"),
            parts.IDEMPOTENCY_KEY,
        ),
        body=RequestBody({JSON: InferenceRequest, BINARY: parts.BYTES}, {JSON: TENSOR}),
    )
    async def on_post(self, req: HttpRequest, resp: Response, name: str, version: str | None = None) -> None:
        body = await self._bodies.read(req)
        try:
            coded = _check_media_type(req)
            key = await idempotency_key(req, body, self._pool) if has_idempotency_key(req) else None
            check = partial(self._check, body, req.get_header(HEADER), name, coded=coded)
            fitted = self._service.ready(name, wanted := parse_version(version))
            if fitted and not coded and len(body) <= SMALL_BYTES:
                infer, work = check(fitted.manifest)
            else:
                read = partial(self._manifest, name, wanted)
                infer, work = await self._loads.after(
                    lambda *, loaded: self._bodies.run_in_pool(body, self._pool, lambda: check(read(loaded=loaded)))
                )
            job = await self._dispatcher.submit(work, key, as_array=True)
        finally:
            self._bodies.release(body)
        if not job.finished:
            job = await self._ended(job, key)
        if job.failure is not None:
            send_problem(resp, problem(job.failure), req.path)
        else:
            await self._send(resp, job, infer)

    def _manifest(self, name: str, version: Version | None, *, loaded: bool) -> Manifest:
        """Return the manifest of a version; raise NotLoaded if it must be `loaded` already, and is not."""
        if loaded:
            require_loaded(self._service, name, version)
        return self._service.manifest(name, version)

    def _check(
        self, body: Body, json_length: str | None, name: str, manifest: Manifest, *, coded: bool
    ) -> tuple[InferInput, Work]:
        refuse_files(manifest)
        columns = len(manifest.schema.inputs) + len(manifest.schema.outputs)  # as many as the table of the fit had
        labels = label_kind(manifest.classes) if manifest.classes else None
        with self._bodies.unpacker() as unpack:
            body = unpack(body) if coded else body
            infer = read_request(body, json_length, columns, manifest.outputs, labels)
            outputs = [each.name for each in infer.outputs]
            request = Request(
                model=name,
                version=manifest.version,
                data=infer.records,
                outputs=[] if outputs == [Y] else outputs,
            )
            return infer, self._service.check("predict", request)

    async def _ended(self, job: Job, key: IdempotencyKey | None) -> Job:
        """Wait for the end of a job; raise NotInTime if it does not end.

        Without a key no other request could get its result, so it is cancelled.
        """
        started_s = asyncio.get_running_loop().time()
        job = await self._dispatcher.job(job.id, self._max_wait_s, PAST_STOP_S)
        if job.finished:
            return job
        if key is None:
            with suppress(TrinityError):  # it has just ended, or the ledger does not answer: then it ends by itself
                await self._dispatcher.cancel(job.id)
        if was_cut_short(started_s, self._max_wait_s):
            raise Unavailable("the process is being stopped and can't wait for the prediction; try again")
        raise NotInTime(
            f"the prediction was not done within {self._max_wait_s} s; with an Idempotency-Key, the request can "
            "be sent again to continue waiting for it"
        )

    async def _send(self, resp: Response, job: Job, request: InferInput) -> None:
        array_bytes = 0 if request.binary or job.array is None else job.array.size * NUMBER_BYTES
        resp.data, json_bytes = await run_in_pool_if_large(
            lambda: response(job, request),
            self._pool,
            len(job.result or b"") or array_bytes,
        )
        if json_bytes is not None:
            resp.content_type = BINARY
            resp.set_header(HEADER, str(json_bytes))


def _check_media_type(req: HttpRequest) -> bool:
    """Return whether the body is gzip; raise UnsupportedMediaType. Many clients of this protocol name no type."""
    coded = is_coded(req)
    kind = essence(req.content_type)
    if kind not in {"", JSON, BINARY}:
        raise UnsupportedMediaType(f"can't read {kind[:64]}; send {JSON}, or {BINARY} with {HEADER}")
    return coded
