"""POST /models/{name}/versions: a model that was fitted elsewhere becomes the next version."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, TypeVar

import msgspec
from falcon.asgi import Request as HttpRequest
from falcon.asgi import Response

from app.dispatch.dispatcher import Dispatcher
from app.model.imported.formats import FORMATS
from app.queue.job_options import check_job_options
from app.schemas.jobs import Envelope
from app.schemas.media_types import JSON
from app.schemas.requests import Work
from app.schemas.tasks import Label, Task
from app.serve.bodies.model_file import take_model_file
from app.serve.bodies.multipart import MULTIPART
from app.serve.bodies.stored_files import StoredUpload
from app.serve.bodies.uploads import SAMPLE
from app.serve.openapi import parts
from app.serve.openapi.parts import Parameter, RequestBody, ResponseSpec, ResponseSpecs
from app.serve.openapi.schemas import derive
from app.serve.preferences import preference
from app.serve.resources.route import Route
from app.serve.resources.upload_jobs import UploadJobs
from app.serve.resources.verbs import PREFER
from app.serve.responses import send_submitted
from app.serve.waiting import awaited
from app.service import Service
from app.settings import Mode, Settings

T = TypeVar("T")
EXAMPLE_FILE = (
    "CAg6fApRCgF4EgF5Ig9MaW5lYXJSZWdyZXNzb3IqFgoMY29lZmZpY2llbnRzPQAAAECgAQYqFAoKaW50ZXJjZXB0cz0AAIA/oAEG"
    "OgphaS5vbm54Lm1sEgFnWhEKAXgSDAoKCAESBgoACgIIAWIRCgF5EgwKCggBEgYKAAoCCAFCBAoAEBFCDgoKYWkub25ueC5tbBAD"
)
"""An ONNX file of 150 bytes in base64: y = 2 x + 1."""
OCTETS = "application/octet-stream"


class ImportResult(msgspec.Struct):
    """The result of an import: the version, and what was found out about the model when it was tried out."""

    version: int
    terms: list[str]
    coefficients: list[float]
    metrics: dict[str, float | None]
    warnings: list[str]
    format: Literal["skops", "onnx", "xgboost", "lightgbm"]
    task: Task
    classes: list[Label] | None
    inputs: list[str]
    stacks: Literal["exact", "close", "no"]
    held_bytes: int
    load_seconds: float


class ImportResource:
    """POST /models/{name}/versions: the file is written to disk while it arrives; the lane of fits imports it."""

    def __init__(
        self,
        service: Service,
        dispatcher: Dispatcher,
        uploads: UploadJobs,
        settings: Settings,
    ) -> None:
        self._service = service
        self._dispatcher = dispatcher
        self._uploads = uploads
        self._settings = settings

    async def on_post(self, req: HttpRequest, resp: Response, name: str) -> None:
        """Receive a file, have it imported, and answer as a fit does."""
        preferred = preference(req, self._settings.max_wait)
        upload = await self._uploads.receive(req, self._settings.max_import, sample=SAMPLE)
        job = await self._uploads.submit(req, upload, partial(self._checked, name))
        job, preferred = await awaited(self._dispatcher, job, preferred)
        send_submitted(resp, job, preferred, root_path=req.root_path)

    def _checked(self, name: str, upload: StoredUpload) -> Work:
        file, request = take_model_file(upload.sent)
        check_job_options(self._settings, request)
        return self._service.check_import(name, file, request)


IMPORT_JOB = derive(
    Envelope, "ImportJob", "The job of an import; times are RFC 3339 in UTC.", tag="fit", result=ImportResult | None
)
_FILE: dict[str, Any] = {
    "type": "object",
    "properties": {"file": parts.BYTES, "sample": parts.BYTES},
    "required": ["file"],
    "description": "`file` is the model's file, `sample` a CSV file with some rows that it could predict. "
    "Other fields are members of the query.",
}
_PARAMETERS = (
    Parameter("format", Literal[FORMATS], "The file's format; by default found from its first bytes."),
    Parameter("columns", list[str], "The names of the columns, in order, for files that do not name them."),
    Parameter("classes", list[str], "The labels in the order of the classes, for files that do not know them."),
    Parameter("kind", Literal["regressor", "classifier"], "What the model is, for files that do not say it."),
    Parameter("strict", bool, "Whether to refuse a file that another version of its library wrote."),
    Parameter("ignore", list[str], "Columns of the sample that are no inputs."),
)


def import_route(resource: ImportResource, settings: Settings) -> Route:
    """Return the route of imports."""
    queued = settings.mode is Mode.ASYNC
    return Route(
        "POST",
        "/models/{name}/versions",
        "Imports the file of a fitted model (skops, ONNX, XGBoost, LightGBM) as a new version. "
        "A process of its own tries it out first. The model need not exist.",
        _responses(queued=queued),
        (*_PARAMETERS, *([PREFER] if queued else []), parts.IDEMPOTENCY_KEY),
        RequestBody({OCTETS: parts.BYTES, MULTIPART: _FILE}),
        operation="import_version",
        reads_query=True,
        resource=resource,
        example_path="/models/imported/versions",
        setup=f"file=$(mktemp); echo {EXAMPLE_FILE} | base64 -d > $file",
        example_file="$file",
    )


def _responses(*, queued: bool) -> ResponseSpecs:
    accepted = {202: parts.accepted_response("The job is accepted.", IMPORT_JOB), **parts.QUEUED_ERRORS}
    return {
        **parts.BODY_ERRORS,
        200: ResponseSpec("The version is published.", {JSON: IMPORT_JOB}),
        409: ResponseSpec("An estimator has a model of this name, or the version was removed in the meantime."),
        413: ResponseSpec("The file is larger than TRINITY_MAX_IMPORT bytes."),
        415: ResponseSpec("The body has a content coding."),
        422: ResponseSpec("The file cannot be taken, or a value is wrong; `errors` points to it."),
        500: parts.JOB_ERRORS[500],
        503: ResponseSpec("This process has no capacity for it now.", headers=parts.RETRY_AFTER),
        **(accepted if queued else {}),
    }
