"""The schemas of the rows and predictions of one version, made from its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.schemas.columns import NUMERIC, Column
from app.schemas.tasks import Label
from app.service.served_versions import ServedVersion
from app.service.sources import DEFAULT_SOURCE

Json = dict[str, Any]
MAX_COLUMNS = 200  # limit of columns that the schema of a row names
MAX_VALUES = 100  # limit of listed texts of a column, and of listed classes
CELL: Json = {"type": ["number", "string", "boolean", "null"]}
NUMBER: Json = {"type": "number"}


def strict_object(properties: Json, required: Sequence[str], description: str) -> Json:
    """Return the schema of an object with no other members."""
    found: Json = {"type": "object", "description": description, "properties": properties}
    return {**found, **({"required": list(required)} if required else {}), "additionalProperties": False}


def array(items: Json, length: int | None = None) -> Json:
    """Return the schema of a list with `length` items, or with any number from 1."""
    limits = {"minItems": 1} if length is None else {"minItems": length, "maxItems": length}
    return {"type": "array", "items": items, **limits}


def nullable(schema: Json) -> Json:
    """Return the schema with null allowed, which means that the value is left out."""
    return {**schema, "type": [schema["type"], "null"]}


def cell(column: Column, served: ServedVersion) -> Json:
    """Return the schema of a column's cells, with the categories if they are few."""
    if column.kind in NUMERIC:
        kind: Json = dict(NUMBER)
    elif column.kind == "boolean":
        kind = {"type": "boolean"}
    elif column.kind == "datetime":
        kind = {"type": "string", "format": "date-time"}
    else:
        kind = {"type": "string"}
        if column.categories and len(column.categories) <= MAX_VALUES and not served.estimator.reads_texts:
            kind["enum"] = list(column.categories)
    if served.estimator.takes_missing:
        kind["type"] = [kind["type"], "null"]
        if "enum" in kind:
            kind["enum"].append(None)
    return kind


def named_row(served: ServedVersion, *, with_y: bool = False) -> Json | None:
    """Return the schema of a row as an object; None if the columns have no names, or are too many to list."""
    schema = served.manifest.schema
    others = [*schema.unused, *(schema.outputs if schema.named else [])]
    if not schema.named_inputs or len(schema.inputs) + len(others) > MAX_COLUMNS:
        return None
    properties = {name: dict(CELL) for name in others}
    properties |= {column.name: cell(column, served) for column in schema.input_columns()}
    if with_y and schema.named:
        classes = served.manifest.classes
        properties |= {name: label(classes, listed=False) if classes else dict(NUMBER) for name in schema.outputs}
    about = "A cell for each column of the fit; columns that are not inputs are ignored."
    return strict_object(properties, schema.inputs, about)


def list_row(served: ServedVersion) -> Json:
    """Return the schema of a row as a list, in the order of the inputs."""
    columns = served.manifest.schema.input_columns()
    cells = [cell(column, served) for column in columns[: MAX_COLUMNS + 1]]
    if all(each == cells[0] for each in cells) and len(columns) <= MAX_COLUMNS:
        return array(cells[0], len(columns))
    if len(columns) > MAX_COLUMNS:
        wide = f"More than {MAX_COLUMNS} columns; GET /models/{{name}}/versions/{{version}} describes each."
        return {**array(CELL, len(columns)), "description": wide}
    return {"type": "array", "prefixItems": cells, "minItems": len(cells), "maxItems": len(cells)}


def label(classes: Sequence[Label], *, listed: bool) -> Json:
    """Return the schema of a label: one of the classes, or any value of their type."""
    first = classes[0]
    if isinstance(first, bool):
        return {"type": "boolean"}
    kind: Json = {"type": "integer" if isinstance(first, int) else "string"}
    if listed and len(classes) <= MAX_VALUES:
        kind["enum"] = list(classes)
    return kind


def y_item(served: ServedVersion, *, predicted: bool = False) -> Json:
    """Return the schema of a row's y: a label, a number, or a number for each output."""
    manifest = served.manifest
    if manifest.classes:
        return label(manifest.classes, listed=predicted)
    return dict(NUMBER) if manifest.schema.vector else array(NUMBER, len(manifest.schema.outputs))


def needs_data(served: ServedVersion) -> bool:
    """Whether requests must have data; for a version that was fitted to the default source it is optional."""
    origin: str | None = served.manifest.data.get("origin", {}).get("source")
    return origin != DEFAULT_SOURCE


def predictions(served: ServedVersion) -> Json:
    """Return the schema of the result of a predict."""
    manifest = served.manifest
    properties: Json = {"y": {"type": "array", "items": y_item(served, predicted=True)}}
    properties["y"]["description"] = f"For each row: {', '.join(manifest.schema.outputs)[:500]}."
    if manifest.classes and "probabilities" in manifest.outputs:
        count = len(manifest.classes)
        properties["classes"] = array(label(manifest.classes, listed=True), count)
        shares = array({"type": "number", "minimum": 0, "maximum": 1}, count)
        properties["probabilities"] = {"type": "array", "items": shares}
    properties["source"] = {"type": "string", "description": "The source that the data came from, if it came from one."}
    properties["kept"] = {"type": "object", "additionalProperties": {"type": "array", "items": CELL}}
    return strict_object(properties, [] if len(manifest.outputs) > 1 else ["y"], "A prediction for each row.")
