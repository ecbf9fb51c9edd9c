"""Descriptions of models and versions, the same over HTTP and on the command line."""

from __future__ import annotations

from typing import Any

import msgspec

from app.model.estimator import AnyEstimator
from app.schemas.tasks import Task
from app.service.service import Service
from app.storage.manifest import Manifest


class ModelInfo(msgspec.Struct):
    """A model: its parameters as JSON Schema, the numbers of its versions, and its aliases."""

    name: str
    estimator: str
    """The name of its estimator."""
    description: str
    params: dict[str, Any]
    versions: list[int]
    aliases: dict[str, int]
    links: dict[str, str]
    task: Task = "regression"
    """The kind of its versions' predictions: numbers or labels."""
    takes_missing: bool = False
    """Whether values may be missing in its inputs."""


class EstimatorInfo(msgspec.Struct):
    """An estimator, of which models are made: its parameters as JSON Schema."""

    name: str
    description: str
    task: str
    params: dict[str, Any]
    takes_missing: bool
    """Whether values may be missing in its inputs."""
    takes_weights: bool
    """Whether its fit takes a weight for each row."""


def describe_estimator(estimator: AnyEstimator) -> EstimatorInfo:
    """Describe an estimator."""
    return EstimatorInfo(
        name=estimator.name,
        description=estimator.description,
        task=estimator.task,
        params=_params_schema(estimator),
        takes_missing=estimator.takes_missing,
        takes_weights=estimator.takes_weights,
    )


def describe_model(service: Service, name: str, root_path: str = "") -> ModelInfo:
    """Describe a model, with links below `root_path`; raise NotFound."""
    name, estimator = service.model(name)
    return ModelInfo(
        name=name,
        estimator=estimator.name,
        description=estimator.description,
        params=_params_schema(estimator),
        versions=service.store.versions(name),
        aliases=service.store.aliases(name),
        links={"self": f"{root_path}/models/{name}", "fit": f"{root_path}/models/{name}/fit"},
        task=estimator.task,
        takes_missing=estimator.takes_missing,
    )


def _params_schema(estimator: AnyEstimator) -> dict[str, Any]:
    (schema,), components = msgspec.json.schema_components([estimator.parameters()])
    found: dict[str, Any] = components[schema["$ref"].rpartition("/")[2]]
    return found


def public_manifest(manifest: Manifest) -> dict[str, Any]:
    """Return a version's manifest without `learned`, which only its model reads; the rest is public API."""
    found: dict[str, Any] = msgspec.to_builtins(manifest)
    del found["learned"]
    return found
