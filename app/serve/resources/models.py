"""GET /models…: the models that can be fitted, and their versions."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from falcon.asgi import Request, Response

from app.schemas.media_types import JSON
from app.schemas.requests import parse_version
from app.serve.openapi.parts import STORE_DOWN, ResponseSpec
from app.serve.openapi.schemas import VERSION_INFO
from app.serve.resources.route import route
from app.serve.responses import send_json
from app.service import Service
from app.service.descriptions import ModelInfo, describe_model, public_manifest


class Models(msgspec.Struct):
    """All models, by name."""

    models: list[ModelInfo]


class ModelResource:
    """GET /models, /models/{name} and /models/{name}/versions/{version}."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @route(
        "/models",
        "All models with their parameters and versions.",
        {200: ResponseSpec("The models.", {JSON: Models}), 503: STORE_DOWN},
        operation="list_models",
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        names = sorted(self._service.models)
        listed = [await asyncio.to_thread(describe_model, self._service, name, req.root_path) for name in names]
        send_json(resp, Models(listed))

    @route(
        "/models/{name}",
        "One model with its parameters and versions.",
        {
            200: ResponseSpec("The model.", {JSON: ModelInfo}),
            404: ResponseSpec("There is no such model."),
            503: STORE_DOWN,
        },
        operation="get_model",
    )
    async def on_get_model(self, req: Request, resp: Response, name: str) -> None:
        send_json(resp, await asyncio.to_thread(describe_model, self._service, name, req.root_path))

    @route(
        "/models/{name}/versions/{version}",
        "One version (a number or `latest`): its parameters, columns, metrics and digests.",
        {
            200: ResponseSpec("The version.", {JSON: VERSION_INFO}),
            404: ResponseSpec("There is no such model or version."),
            500: ResponseSpec("The version is damaged on disk."),
            503: STORE_DOWN,
        },
        operation="get_version",
    )
    async def on_get_version(self, req: Request, resp: Response, name: str, version: str) -> None:  # noqa: ARG002
        self._service.model(name)
        send_json(resp, await asyncio.to_thread(self._manifest, name, version))

    def _manifest(self, name: str, version: str) -> dict[str, Any]:
        store = self._service.store
        return public_manifest(store.manifest(name, store.resolve(name, parse_version(version))))
