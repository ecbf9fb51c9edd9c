"""Paths for each model whose input is a file, with its media types and its declared options."""

from __future__ import annotations

import re
from typing import Any

from app.data.file_types import ZIP
from app.model.estimator import AnyEstimator
from app.model.files import FileModel
from app.schemas.media_types import JSON
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies.multipart import FILE, HELD_OUT, MULTIPART
from app.serve.openapi.forms import properties_of

Json = dict[str, Any]
_KEPT = {"version", "timeout", "webhook", "Prefer", "Idempotency-Key"}
_GATE = {"promote", "promote_metric", "promote_gain"}
_FIT_MEMBERS = ("estimator", "timeout", "webhook")
"""The members of a fit's JSON without a file, except its parameters."""
_BINARY: Json = {"type": "string", "format": "binary"}


def file_paths(document: Json, name: str, kind: type[FileModel]) -> dict[str, Json]:
    """Return a model's paths for predict and score, derived from the general ones."""
    return {
        f"/models/{name}/predict": {"post": _predict(document, name, kind)},
        f"/models/{name}/score": {"post": _operation(document, "score", name, (ZIP,), {FILE: _BINARY}, {})},
    }


def file_fit_path(document: Json, name: str, estimator: AnyEstimator) -> dict[str, Json]:
    """Return a model's path for fit; it exists before the model has a version."""
    params = properties_of(estimator.parameters())
    held_out = _BINARY | {"description": "A second zip file: the data on which a gate (`promote`) compares versions."}
    fit = _operation(document, "fit", name, (ZIP,), {FILE: _BINARY, HELD_OUT: held_out}, params)
    general: Json = document["components"]["schemas"]["FitBody"]["properties"]
    without_file = {
        "type": "object",
        "description": "A fit without a file.",
        "properties": {
            "params": {"type": "object", "properties": params, "additionalProperties": False},
            **{member: general[member] for member in _FIT_MEMBERS if member in general},
        },
        "additionalProperties": False,
    }
    body = {"required": False, "content": {JSON: {"schema": without_file}, **fit["requestBody"]["content"]}}
    return {f"/models/{name}/fit": {"post": fit | {"requestBody": body}}}


def _predict(document: Json, name: str, kind: type[FileModel]) -> Json:
    options = properties_of(kind.options())
    return _operation(document, "predict", name, tuple(kind.media_types), {FILE: _BINARY}, options)


def _operation(document: Json, verb: Verb, name: str, types: tuple[str, ...], files: Json, options: Json) -> Json:
    """Return the operation of a verb for files of these types, with options in the query or as fields of the form."""
    general: Json = document["paths"][f"/models/{{name}}/{verb}"]["post"]
    job = document["components"]["schemas"][f"{verb.title()}Job"]
    title = "".join(word[:1].upper() + word[1:] for word in re.split("[-_]", name))
    members = {**job["properties"], "result": {"type": ["object", "null"]}}
    envelope = job | {"title": f"{title}{verb.title()}Job", "properties": members}
    kept = _KEPT | _GATE | {"estimator"} if VERBS[verb].publishes else _KEPT
    form = {
        "type": "object",
        "properties": {**files, **options},
        "required": [FILE],
        "description": "The file; members of the query may be further fields.",
    }
    query = [
        {"name": option, "in": "query", "description": "An option of the model.", "schema": schema}
        for option, schema in options.items()
    ]
    responses = {
        code: response | {"content": {JSON: {"schema": envelope}}} if code in {"200", "202"} else response
        for code, response in general["responses"].items()
    }
    return general | {
        "operationId": f"{re.sub('-', '_', name)}_{verb}",
        "summary": f"{verb.title()} with {name}",
        "description": f"The model takes a file of one of these types: {', '.join(types)}.",
        "parameters": [each for each in general["parameters"] if each["name"] in kept] + query,
        "requestBody": {
            "required": True,
            "content": {**{media: {"schema": _BINARY} for media in types}, MULTIPART: {"schema": form}},
        },
        "responses": responses,
    }
