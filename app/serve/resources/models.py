"""GET /models…: the models, and their versions; DELETE removes them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import msgspec
from falcon.asgi import Request, Response

from app.dispatch.dispatcher import Dispatcher
from app.errors import Conflict, Invalid
from app.schemas.media_types import JSON
from app.schemas.registry import Removed, VersionNumber
from app.schemas.requests import parse_version
from app.serve.openapi.parts import LEDGER_DOWN, STORE_DOWN, Parameter, ResponseSpec
from app.serve.openapi.schemas import VERSION_INFO
from app.serve.resources.aliases import FIT_EXAMPLE, MODEL
from app.serve.resources.registry_changes import changed
from app.serve.resources.route import route
from app.serve.responses import send_json
from app.service import Service
from app.service.descriptions import EstimatorInfo, ModelInfo, describe_estimator, describe_model, public_manifest


class ModelList(msgspec.Struct):
    """All models, by name."""

    models: list[ModelInfo]


NUMBER = Parameter("version", VersionNumber, "A number.", "path", example=1)


class EstimatorList(msgspec.Struct):
    """All estimators, by name."""

    estimators: list[EstimatorInfo]


class ModelResource:
    """GET /estimators; GET /models; GET and DELETE /models/{name} and /models/{name}/versions/{version}."""

    def __init__(self, service: Service, dispatcher: Dispatcher) -> None:
        self._service = service
        self._dispatcher = dispatcher

    @route(
        "/estimators",
        "What models can be made of, with their parameters.",
        {200: ResponseSpec("The estimators.", {JSON: EstimatorList})},
        operation="list_estimators",
    )
    async def on_get_estimators(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        found = self._service.models.estimators
        send_json(resp, EstimatorList([describe_estimator(found[name]) for name in sorted(found)]))

    @route(
        "/models",
        "All models with their parameters and versions.",
        {200: ResponseSpec("The models.", {JSON: ModelList}), 503: STORE_DOWN},
        operation="list_models",
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        names = await asyncio.to_thread(self._service.models.names)
        listed = [await asyncio.to_thread(describe_model, self._service, name, req.root_path) for name in names]
        send_json(resp, ModelList(listed))

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
        send_json(resp, await asyncio.to_thread(self._manifest, name, version))

    @route(
        "/models/{name}/versions/{version}",
        "Removes a version (a number) that no alias names.",
        {
            200: ResponseSpec("The version is gone.", {JSON: Removed}),
            404: ResponseSpec("There is no such model or version."),
            409: ResponseSpec("An alias names the version; `latest` names the newest."),
            422: ResponseSpec("The version is not a number."),
            503: STORE_DOWN,
        },
        operation="delete_version",
        parameters=(NUMBER,),
        setup=f"{FIT_EXAMPLE}; {FIT_EXAMPLE}",
        example_path=f"/models/{MODEL}/versions/1",
    )
    async def on_delete_version(self, req: Request, resp: Response, name: str, version: str) -> None:  # noqa: ARG002
        await asyncio.to_thread(self._service.model, name)
        number = parse_version(version)
        if not isinstance(number, int):
            raise Invalid.at("/version", "a version is removed by its number")
        await changed(partial(self._service.store.registry.remove_version, name, number))
        send_json(resp, Removed(name, number))

    @route(
        "/models/{name}",
        "Removes a model with its versions, aliases and history; not one that has the name of its estimator.",
        {
            200: ResponseSpec("The model is gone.", {JSON: Removed}),
            404: ResponseSpec("There is no such model."),
            409: ResponseSpec("The model has the name of an estimator; or jobs of it wait or run."),
            503: LEDGER_DOWN,
        },
        operation="delete_model",
        setup=FIT_EXAMPLE,
        example_path=f"/models/{MODEL}",
    )
    async def on_delete_model(self, req: Request, resp: Response, name: str) -> None:  # noqa: ARG002
        await asyncio.to_thread(self._service.check_removable, name)
        if waiting := await self._dispatcher.unfinished(name):
            raise Conflict(f"{waiting} jobs of model {name!r} wait or run; cancel them, or wait for them")
        await changed(partial(self._service.store.registry.remove_model, name))
        send_json(resp, Removed(name))

    def _manifest(self, name: str, version: str) -> dict[str, Any]:
        store = self._service.store
        self._service.model(name)
        return public_manifest(store.manifest(name, store.resolve(name, parse_version(version))))
