"""Descriptions of models and versions, the same over HTTP and on the command line."""

from __future__ import annotations

from typing import Any

import msgspec

from app.service.service import Service
from app.storage.manifest import Manifest


class ModelInfo(msgspec.Struct):
    """A model: its parameters as JSON Schema, the numbers of its versions, and its aliases."""

    name: str
    description: str
    params: dict[str, Any]
    versions: list[int]
    aliases: dict[str, int]
    links: dict[str, str]
    takes_missing: bool = False
    """Whether values may be missing in its inputs."""


def describe_model(service: Service, name: str, root_path: str = "") -> ModelInfo:
    """Describe a model, with links below `root_path`; raise NotFound."""
    name, estimator = service.model(name)
    (schema,), components = msgspec.json.schema_components(
        [estimator.parameters()]
    )  # a reference, and what it refers to
    return ModelInfo(
        name=name,
        description=estimator.description,
        params=components[schema["$ref"].rpartition("/")[2]],
        versions=service.store.versions(name),
        aliases=service.store.aliases(name),
        links={"self": f"{root_path}/models/{name}", "fit": f"{root_path}/models/{name}/fit"},
        takes_missing=estimator.takes_missing,
    )


def public_manifest(manifest: Manifest) -> dict[str, Any]:
    """Return a version's manifest without `learned`, which only its model reads. Callers may rely on the rest."""
    found: dict[str, Any] = msgspec.to_builtins(manifest)
    del found["learned"]
    return found
