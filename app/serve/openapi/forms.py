"""The schemas of forms with a file, and optionally a second one for a gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.serve.bodies.multipart import FILE, HELD_OUT, MULTIPART
from app.serve.openapi.parts import BYTES, RequestBody

Json = dict[str, Any]
_DEFS = "#/$defs/{name}"

ABOUT = {
    FILE: "The data: a table, or a file for a model that takes files.",
    HELD_OUT: "The data on which a gate compares versions: a table, or a zip file for a model that takes files.",
}


def form(*names: str, kind: Mapping[str, str]) -> dict[str, Any]:
    """Return the schema of a form with files in these fields; the first one is required."""
    return {
        "type": "object",
        "description": f"The data as the file `{FILE}`; all other fields are members of the query.",
        "properties": {name: {**kind, "description": ABOUT[name]} for name in names},
        "required": [names[0]],
    }


def file_form(field: str, query: type[msgspec.Struct] | None = None) -> RequestBody:
    """Return the body of a route that takes a form with a file; members of its query may be fields of it."""
    members = {} if query is None else properties_of(query)
    form = {"type": "object", "required": [field], "properties": {field: BYTES, **members}}
    return RequestBody({MULTIPART: form})


def properties_of(options: type[msgspec.Struct]) -> Json:
    """Return the schemas of options by name; each reference to a type is replaced by its schema."""
    (schema,), components = msgspec.json.schema_components([options], ref_template=_DEFS)
    by_reference = {_DEFS.format(name=name): each for name, each in components.items()}

    def whole(schema: Any, within: frozenset[str] = frozenset()) -> Any:
        if isinstance(schema, list):
            return [whole(each, within) for each in schema]
        if not isinstance(schema, dict):
            return schema
        reference = schema.get("$ref")
        if reference is None:
            return {key: whole(value, within) for key, value in schema.items()}
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        if reference in within:  # a type that contains itself
            return beside
        return whole({**by_reference[reference], **beside}, within | {reference})

    found: Json = whole(schema).get("properties", {})
    return found
