"""GET /v2…: the server, its health, and the tensors of its models, by the Open Inference Protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from falcon.asgi import Request, Response

from app.data.label_encoding import label_kind
from app.errors import Invalid
from app.schemas.columns import NUMERIC, Kind
from app.schemas.media_types import JSON
from app.schemas.requests import PROBABILITIES, Version, Y, parse_version
from app.schemas.tasks import FILE_TASKS
from app.schemas.version import VERSION
from app.serve.health_checks import OK, HealthChecks
from app.serve.oip.outputs import LABELS, Datatype
from app.serve.oip.tensors import X
from app.serve.openapi.parts import CLASS_CHANGED, RETRY_AFTER, STORE_DOWN, ResponseSpec, ResponseSpecs
from app.serve.problems import set_retry_after
from app.serve.resources.route import Responder, route
from app.serve.responses import send_json
from app.service import Service
from app.storage.manifest import Manifest, Schema

ROWS = -1  # a dimension of any size
DATATYPES: Mapping[Kind, Literal["FP64", "BOOL", "BYTES"]] = {
    "number": "FP64",
    "integer": "FP64",
    "boolean": "BOOL",
    "text": "BYTES",
    "datetime": "BYTES",
}
"""The datatype of a column's tensor; a column of integers in the fit also accepts other numbers."""
MODEL_ERRORS: ResponseSpecs = {
    404: ResponseSpec("There is no such model or version, or the model is not fitted."),
    500: ResponseSpec("The version is damaged on disk."),
    503: STORE_DOWN,
}


class ServerInfo(msgspec.Struct):
    """The server's name, version and extensions of the protocol."""

    name: Literal["trinity"] = "trinity"
    version: str = VERSION
    extensions: tuple[str, ...] = ("binary_tensor_data",)


class ServerLiveness(msgspec.Struct):
    """The process responds."""

    live: bool = True


class ServerReadiness(msgspec.Struct, omit_defaults=True):
    """Whether every dependency responds; `error` names those that do not."""

    ready: bool
    error: str | None = None


class TensorInfo(msgspec.Struct):
    """A tensor; a dimension of any size is -1."""

    name: str
    datatype: Datatype
    shape: list[int]


class ModelTensors(msgspec.Struct):
    """A model's versions and tensors."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorInfo]
    outputs: list[TensorInfo]


class ModelReadiness(msgspec.Struct):
    """A model can predict."""

    name: str
    ready: bool = True


def model_route(
    path: str, description: str, responses: ResponseSpecs, operation: str, **more: Any
) -> Callable[[Responder], Responder]:
    """Declare two routes for the responder below: for a model's latest version, and for a given version."""
    responses = {**MODEL_ERRORS, **responses}
    model = "/v2/models/{name}"
    latest = route(f"{model}{path}", description, responses, operation=operation, **more)
    version = f"{model}/versions/{{version}}{path}"
    named = route(version, description, responses, operation=f"{operation}_version", **more)
    return lambda responder: latest(named(responder))


class MetadataResource:
    """The routes below /v2, except the predictions."""

    def __init__(self, service: Service, checks: HealthChecks) -> None:
        self._service = service
        self._checks = checks

    @route(
        "/v2",
        "The server's name and extensions, by the Open Inference Protocol.",
        {200: ResponseSpec("The server.", {JSON: ServerInfo})},
        operation="v2_server",
    )
    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        send_json(resp, ServerInfo())

    @route(
        "/v2/health/live",
        "Whether the process answers.",
        {200: ResponseSpec("The process answers.", {JSON: ServerLiveness})},
        operation="v2_live",
    )
    async def on_get_live(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        send_json(resp, ServerLiveness())

    @route(
        "/v2/health/ready",
        "Whether each dependency of the service responds; 503 if one does not.",
        {
            200: ResponseSpec("Each dependency responds.", {JSON: ServerReadiness}),
            503: ResponseSpec("A dependency does not respond.", {JSON: ServerReadiness}, RETRY_AFTER),
        },
        operation="v2_ready",
    )
    async def on_get_ready(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        down = [f"{part}: {state}" for part, state in (await self._checks.states()).items() if state != OK]
        if down:
            resp.status = HTTPStatus.SERVICE_UNAVAILABLE
            set_retry_after(resp)
        send_json(resp, ServerReadiness(not down, f"not ready: {', '.join(down)}" if down else None))

    @model_route(
        "",
        "The tensors of a model, by the Open Inference Protocol.",
        {200: ResponseSpec("The tensors.", {JSON: ModelTensors})},
        "v2_model",
    )
    async def on_get_model(self, req: Request, resp: Response, name: str, version: str | None = None) -> None:  # noqa: ARG002
        send_json(resp, await asyncio.to_thread(self._tensors, name, parse_version(version)))

    @model_route(
        "/ready",
        "Whether a model can predict, by the Open Inference Protocol.",
        {200: ResponseSpec("The model can predict.", {JSON: ModelReadiness}), 409: CLASS_CHANGED},
        "v2_model_ready",
    )
    async def on_get_model_ready(self, req: Request, resp: Response, name: str, version: str | None = None) -> None:  # noqa: ARG002
        await asyncio.to_thread(self._load, name, parse_version(version))
        send_json(resp, ModelReadiness(name))

    def _load(self, name: str, version: Version | None) -> None:
        self._service.model(name)
        self._service.fitted(name, version)

    def _tensors(self, name: str, version: Version | None) -> ModelTensors:
        """Return a model's tensors from its manifest; no model is loaded for its description."""
        self._service.model(name)
        manifest = self._service.manifest(name, version)
        refuse_files(manifest)
        schema = manifest.schema
        return ModelTensors(
            name=name,
            versions=[str(number) for number in self._service.store.versions(name)],
            platform=f"trinity_{manifest.estimator.rpartition('.')[2]}",
            inputs=_inputs(schema),
            outputs=_outputs(manifest),
        )


def refuse_files(manifest: Manifest) -> None:
    """Raise Invalid for a model whose input is a file: it has no tensors."""
    if manifest.task in FILE_TASKS:
        path = f"/models/{manifest.model}/predict"
        raise Invalid(f"the model {manifest.model!r} takes files instead of tensors; send a file to POST {path}")


def _outputs(manifest: Manifest) -> list[TensorInfo]:
    """Return y, and the probabilities of the classes if a classifier has them."""
    schema, classes = manifest.schema, manifest.classes
    if classes is None:
        return [TensorInfo(Y, "FP64", [ROWS] if schema.vector else [ROWS, len(schema.outputs)])]
    found = [TensorInfo(Y, LABELS[label_kind(classes)], [ROWS])]
    if PROBABILITIES in manifest.outputs:
        found.append(TensorInfo(PROBABILITIES, "FP64", [ROWS, len(classes)]))
    return found


def _inputs(schema: Schema) -> list[TensorInfo]:
    """Return one tensor for all columns if they are numbers, otherwise one for each column."""
    if all(column.kind in NUMERIC for column in schema.columns):
        return [TensorInfo(X, "FP64", [ROWS, len(schema.inputs)])]
    return [TensorInfo(column.name, DATATYPES[column.kind], [ROWS]) for column in schema.columns]
