"""What the protocol tells of the server and its models: alive, ready, named and shaped."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Literal

import msgspec
from falcon.asgi import Request, Response

from app.errors import Retriable
from app.schemas.requests import Version
from app.schemas.version import VERSION
from app.serve.health_checks import OK, HealthChecks
from app.serve.oip.messages import Y
from app.serve.oip.tensors import X
from app.serve.resources.models import numbered
from app.serve.responses import send_json
from app.service import Service

ROWS = -1  # a dimension of any size


class ServerInfo(msgspec.Struct):
    """The server and the extensions of the protocol that it has."""

    name: Literal["trinity"] = "trinity"
    version: str = VERSION
    extensions: tuple[str, ...] = ("binary_tensor_data",)


class ServerLiveness(msgspec.Struct):
    """The process answers."""

    live: bool = True


class ServerReadiness(msgspec.Struct, omit_defaults=True):
    """Whether every part answers, and which don't."""

    ready: bool
    error: str | None = None


class TensorInfo(msgspec.Struct):
    """A tensor; a dimension of any size is -1."""

    name: str
    datatype: Literal["FP64"]
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


class Server:
    """GET /v2."""

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """Name the server and the extensions of the protocol that it has."""
        send_json(resp, ServerInfo())


class ServerLive:
    """GET /v2/health/live."""

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """Tell that the process answers."""
        send_json(resp, ServerLiveness())


class ServerReady:
    """GET /v2/health/ready."""

    def __init__(self, probes: HealthChecks) -> None:
        self._probes = probes

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """Tell whether every part answers; 503 when one doesn't."""
        down = [f"{part}: {state}" for part, state in (await self._probes.states()).items() if state != OK]
        if down:
            resp.status = HTTPStatus.SERVICE_UNAVAILABLE
            resp.set_header("Retry-After", str(Retriable.retry_after_s))
            send_json(resp, ServerReadiness(ready=False, error=f"not ready: {', '.join(down)}"))
        else:
            send_json(resp, ServerReadiness(ready=True))


class ModelMetadata:
    """GET /v2/models/{name}[/versions/{version}]."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def on_get(self, req: Request, resp: Response, name: str, version: str | None = None) -> None:  # noqa: ARG002
        """Describe the tensors of a version, by default the latest."""
        self._service.model(name)
        send_json(resp, await asyncio.to_thread(self._described, name, numbered(version)))

    def _described(self, name: str, version: Version | None) -> ModelTensors:
        """Read the manifest alone: loading is for who predicts, or asks whether that can be done."""
        manifest = self._service.manifest(name, version)
        schema = manifest.schema
        outputs = [] if schema.vector else [len(schema.outputs)]
        return ModelTensors(
            name=name,
            versions=[str(number) for number in self._service.store.versions(name)],
            platform=f"trinity_{manifest.estimator.rpartition('.')[2]}",
            inputs=[TensorInfo(X, "FP64", [ROWS, len(schema.inputs)])],
            outputs=[TensorInfo(Y, "FP64", [ROWS, *outputs])],
        )


class ModelReady:
    """GET /v2/models/{name}[/versions/{version}]/ready."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def on_get(self, req: Request, resp: Response, name: str, version: str | None = None) -> None:  # noqa: ARG002
        """Tell that a version can predict; a 404 says what is missing."""
        self._service.model(name)
        await asyncio.to_thread(self._service.fitted, name, numbered(version))
        send_json(resp, ModelReadiness(name))
