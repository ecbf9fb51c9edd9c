"""GET /models…: what can be fitted, and what has been."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, overload

import msgspec
from falcon.asgi import Request, Response

from app.errors import NotFound
from app.schemas import Version
from app.serve.answer import send_json
from app.service import Service


class Model(msgspec.Struct):
    """A model: its parameters as JSON Schema, the numbers of its versions, and the versions that have names."""

    name: str
    description: str
    params: dict[str, Any]
    versions: list[int]
    aliases: dict[str, int]
    links: dict[str, str]


class Models(msgspec.Struct):
    """All models, by name."""

    models: list[Model]


class ModelList:
    """GET /models."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """List the models with their parameters and versions."""
        described = [await asyncio.to_thread(describe, self._service, name) for name in sorted(self._service.models)]
        send_json(resp, Models(described))


class ModelResource:
    """GET /models/{name}."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def on_get(self, req: Request, resp: Response, name: str) -> None:  # noqa: ARG002
        """Describe one model."""
        self._service.model(name)
        send_json(resp, await asyncio.to_thread(describe, self._service, name))


class VersionResource:
    """GET /models/{name}/versions/{n}."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def on_get(self, req: Request, resp: Response, name: str, version: str) -> None:  # noqa: ARG002
        """Return a version's manifest; `n` is a number or an alias."""
        self._service.model(name)
        send_json(resp, await asyncio.to_thread(self._manifest, name, version))

    def _manifest(self, name: str, version: str) -> dict[str, Any]:
        wanted = numbered(version)
        if wanted == 0:
            raise NotFound(f"model {name!r} has no version 0; they count from 1")
        manifest = self._service.store.manifest(name, self._service.store.resolve(name, wanted))
        shown: dict[str, Any] = msgspec.to_builtins(manifest)
        del shown["learned"]  # the model's own; what callers may rely on is in the other members
        return shown


@overload
def numbered(version: str) -> Version: ...


@overload
def numbered(version: str | None) -> Version | None: ...


def numbered(version: str | None) -> Version | None:
    """Return the number or the alias that stands in a path."""
    if version is not None and version.isascii() and version.isdigit() and len(version) < 10:  # noqa: PLR2004
        return int(version)
    return version


def describe(service: Service, name: str) -> Model:
    """Return a model's parameters as JSON Schema, and its versions."""
    kind = service.models[name]
    return Model(
        name=name,
        description=(inspect.getdoc(kind) or "").partition("\n")[0],
        params=_schema(kind.parameters()),
        versions=service.store.versions(name),
        aliases=service.store.aliases(name),
        links={"self": f"/models/{name}", "fit": f"/models/{name}/fit"},
    )


def _schema(parameters: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema of the parameters themselves, and not a reference to it."""
    (schema,), components = msgspec.json.schema_components([parameters])
    found: dict[str, Any] = components[schema["$ref"].rpartition("/")[2]]
    return found
