"""Paths for each model: predict and score with the schemas of the version that requests use by default.

A concrete path takes precedence over a templated one (OpenAPI 3.1, Paths Object), so `/models/churn/predict` is
added to `/models/{name}/predict`, which is for any model and version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.model.estimator import AnyEstimator
from app.schemas.media_types import JSON
from app.schemas.verbs import VERBS, Verb
from app.serve.openapi.file_paths import file_fit_path, file_paths
from app.serve.openapi.schemas import REF
from app.serve.openapi.version_schemas import (
    array,
    list_row,
    named_row,
    needs_data,
    nullable,
    predictions,
    strict_object,
    y_item,
)
from app.service.served_versions import MAX_DESCRIBED, ServedVersion

Json = dict[str, Any]
ABOUT = (
    " Models with a version also have their own paths, with the schemas of the version that requests use by default: "
    f"the champion, or else the latest. There are paths for the first {MAX_DESCRIBED} models by name; for others, use "
    "the templated paths."
)
_SHARED = ("keep", "outputs", "target", "weight", "timeout", "webhook")
"""The members of the general body that the body for a model keeps."""
_ROWS = ("Pairs", "Points")
"""The components for rows of any model; the other choices for `data` are sources."""


def with_models(document: Json, versions: Sequence[ServedVersion], estimators: Mapping[str, AnyEstimator]) -> Json:
    """Return a copy of the document with the paths and components of models.

    An estimator in `estimators` (by name) that takes files has a path for its fit before there is a version.
    """
    schemas, paths = dict(document["components"]["schemas"]), dict(document["paths"])
    made = {served.manifest.model: served.estimator for served in versions}
    for name, estimator in sorted({**estimators, **made}.items()):
        if estimator.files is not None:
            paths |= file_fit_path(document, name, estimator)
    for served in versions:
        if served.estimator.files is not None:
            paths |= file_paths(document, served.manifest.model, served.estimator.files)
            continue
        stem = _stem(served.manifest.model, {name.casefold() for name in schemas})
        for verb in (verb for verb, spec in VERBS.items() if not spec.publishes):
            schemas |= _components(verb, stem, served, schemas)
            operation = paths[f"/models/{{name}}/{verb}"]["post"]
            paths[f"/models/{served.manifest.model}/{verb}"] = {"post": _operation(operation, verb, stem, served)}
    info = document["info"] | {"description": document["info"]["description"] + ABOUT}
    return document | {
        "info": info,
        "paths": paths,
        "components": document["components"] | {"schemas": schemas},
    }


def _components(verb: Verb, stem: str, served: ServedVersion, schemas: Json) -> Json:
    """Return the components for a verb: rows, body, result and job."""
    title, needs_y = verb.title(), VERBS[verb].needs_y
    found: Json = {}
    rows = [array(list_row(served))]
    if row := named_row(served, with_y=needs_y):
        found[f"{stem}{title}Row"] = row
        rows.insert(0, array(_ref(f"{stem}{title}Row")))
    found[f"{stem}{title}Data"] = _data(served, rows, needs_y=needs_y)
    found[f"{stem}{title}Body"] = _body(verb, stem, served, schemas[f"{title}Body"])
    job = schemas[f"{title}Job"]
    if needs_y:
        result = _ref(_metrics(served))
    else:
        found[f"{stem}Predictions"] = predictions(served)
        result = _ref(f"{stem}Predictions")
    members = {**job["properties"], "result": {"anyOf": [result, {"type": "null"}]}}
    found[f"{stem}{title}Job"] = job | {"title": f"{stem}{title}Job", "properties": members}
    return found


def _metrics(served: ServedVersion) -> str:
    """Return the schema of a version's metrics."""
    if served.manifest.classes:
        return "ClassScoreMetrics"
    return "ScoreMetrics" if "rmse" in served.manifest.metrics else "OwnMetrics"


def _data(served: ServedVersion, rows: list[Json], *, needs_y: bool) -> Json:
    schema = served.manifest.schema
    members: Json = {"X": rows[0] if len(rows) == 1 else {"anyOf": rows}}
    if schema.named_inputs:
        names = {"type": "string", "enum": schema.inputs}
        members["columns"] = nullable(array(names, len(schema.inputs)))
        members["columns"]["description"] = "The order of the cells in rows that are lists: that of the inputs."
    if needs_y:
        members["y"] = array(y_item(served))
        members["sample_weight"] = nullable(array({"type": "number", "minimum": 0}))
    required = ["X", "y"] if needs_y and not schema.named else ["X"]
    return strict_object(members, required, "Rows with the columns of the version's fit.")


def _body(verb: Verb, stem: str, served: ServedVersion, general: Json) -> Json:
    members = {name: general["properties"][name] for name in _SHARED if name in general["properties"]}
    if "outputs" in members:
        members["outputs"] = {"type": "array", "items": {"type": "string", "enum": served.manifest.outputs}}
    model, version = served.manifest.model, served.manifest.version
    sources = [_ref(name) for name in _referred(general["properties"]["data"]) if name not in _ROWS]
    choices = [_ref(f"{stem}{verb.title()}Data"), *sources, *([] if needs_data(served) else [{"type": "null"}])]
    members["data"] = choices[0] if len(choices) == 1 else {"anyOf": choices}
    about = f"A {verb} with {model}, version {version}. For other versions use /models/{{name}}/{verb}."
    return strict_object(members, ["data"] if needs_data(served) else [], about)


def _referred(schema: Any) -> list[str]:
    """Return the names of the components that a schema refers to."""
    if isinstance(schema, list):
        return [name for each in schema for name in _referred(each)]
    if not isinstance(schema, dict):
        return []
    here = [str(schema["$ref"]).rpartition("/")[2]] if "$ref" in schema else []
    return here + [name for each in schema.values() for name in _referred(each)]


def _operation(general: Json, verb: Verb, stem: str, served: ServedVersion) -> Json:
    """Return the general operation with the schemas of this model."""
    responses = {
        code: _with_json(response, f"{stem}{verb.title()}Job") if code in {"200", "202"} else response
        for code, response in general["responses"].items()
    }
    body = _with_json(general["requestBody"], f"{stem}{verb.title()}Body") | {"required": needs_data(served)}
    body["content"] = {
        media: {member: value for member, value in content.items() if media != JSON or member == "schema"}
        for media, content in body["content"].items()
    }
    return general | {
        "operationId": f"{_snake(stem)}_{verb}",
        "summary": f"{verb.title()} with {served.manifest.model}",
        "description": f"The schemas are those of version {served.manifest.version}, which requests use by default.",
        "parameters": [each for each in general["parameters"] if each["in"] != "path"],
        "requestBody": body,
        "responses": responses,
    }


def _with_json(described: Json, name: str) -> Json:
    """Return a body or a response with another schema for its JSON."""
    content = described["content"]
    return described | {"content": content | {JSON: content[JSON] | {"schema": _ref(name)}}}


def _ref(name: str) -> Json:
    return {"$ref": REF.format(name=name)}


def _stem(model: str, taken: Iterable[str]) -> str:
    """Return the prefix for the names of a model's components: letters and digits, and no other name's prefix."""
    words = "".join(part[:1].upper() + part[1:] for part in re.split("[-_]", model))
    stem = words if words[:1].isalpha() else f"Model{words}"
    names, number = set(taken), 1
    while f"{stem}{number if number > 1 else ''}predictdata".casefold() in names:
        number += 1
    return f"{stem}{number if number > 1 else ''}"


def _snake(stem: str) -> str:
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", stem).lower()
