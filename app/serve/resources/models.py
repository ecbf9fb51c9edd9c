"""GET /models…: what can be fitted, and what has been."""

from __future__ import annotations

import asyncio
from typing import Any, overload

import msgspec
from falcon.asgi import Request, Response

from app.errors import NotFound
from app.schemas.requests import Version
from app.serve.responses import send_json
from app.service import Service
from app.service.descriptions import Model, describe_model, public_manifest


class Models(msgspec.Struct):
    """All models, by name."""

    models: list[Model]


class ModelList:
    """GET /models."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """List the models with their parameters and versions."""
        listed = [await asyncio.to_thread(describe_model, self._service, name) for name in sorted(self._service.models)]
        send_json(resp, Models(listed))


class ModelResource:
    """GET /models/{name}."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def on_get(self, req: Request, resp: Response, name: str) -> None:  # noqa: ARG002
        """Describe one model."""
        self._service.model(name)
        send_json(resp, await asyncio.to_thread(describe_model, self._service, name))


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
        return public_manifest(manifest)


@overload
def numbered(version: str) -> Version: ...


@overload
def numbered(version: str | None) -> Version | None: ...


def numbered(version: str | None) -> Version | None:
    """Return the number or the alias that stands in a path."""
    if version is not None and version.isascii() and version.isdigit() and len(version) < 10:  # noqa: PLR2004
        return int(version)
    return version
