"""Paths of their own for models whose input is a file: its media types, and its options as they are declared."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from app.data.file_types import ZIP
from app.model.files import FileModel
from app.schemas.media_types import JSON
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies.multipart import FILE, MULTIPART
from app.storage.manifest import Manifest

Json = dict[str, Any]
_KEPT = ("version", "timeout", "webhook", "Prefer", "Idempotency-Key")
_BINARY: Json = {"type": "string", "format": "binary"}


def file_paths(document: Json, manifest: Manifest, kind: type[FileModel]) -> dict[str, Json]:
    """Return the paths of the verbs of a model, made of those for any model."""
    return {
        f"/models/{manifest.model}/{verb}": {"post": _operation(document, verb, manifest, kind)}
        for verb, spec in VERBS.items()
        if not spec.publishes
    }


def _operation(document: Json, verb: Verb, manifest: Manifest, kind: type[FileModel]) -> Json:
    general: Json = document["paths"][f"/models/{{name}}/{verb}"]["post"]
    job = document["components"]["schemas"][f"{verb.title()}Job"]
    title = "".join(word[:1].upper() + word[1:] for word in re.split("[-_]", manifest.model))
    members = {**job["properties"], "result": {"type": ["object", "null"]}}
    envelope = job | {"title": f"{title}{verb.title()}Job", "properties": members}
    predicts = verb == "predict"
    options = _properties(kind.options()) if predicts else {}
    types = kind.media_types if predicts else (ZIP,)
    form = {
        "type": "object",
        "properties": {FILE: _BINARY, **options},
        "required": [FILE],
        "description": "The file; its options may stand beside it, or in the query.",
    }
    query = [
        {"name": name, "in": "query", "description": "An option of the model.", "schema": schema}
        for name, schema in options.items()
    ]
    responses = {
        code: response | {"content": {JSON: {"schema": envelope}}} if code in {"200", "202"} else response
        for code, response in general["responses"].items()
    }
    return general | {
        "operationId": f"{re.sub('-', '_', manifest.model)}_{verb}",
        "summary": f"{verb.title()} with {manifest.model}",
        "description": f"The model takes a file: {', '.join(types)}.",
        "parameters": [each for each in general["parameters"] if each["name"] in _KEPT] + query,
        "requestBody": {
            "required": True,
            "content": {**{media: {"schema": _BINARY} for media in types}, MULTIPART: {"schema": form}},
        },
        "responses": responses,
    }


def _properties(options: type[msgspec.Struct]) -> Json:
    (schema,), components = msgspec.json.schema_components([options])
    found: Json = components[schema["$ref"].rpartition("/")[2]].get("properties", {})
    return found
