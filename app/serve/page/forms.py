"""The fields of forms, made from the schemas that check what is typed into them."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

NUMBERS = {"integer", "number"}


class Field(NamedTuple):
    """One field: `kind` is number, checkbox, text, or json, which may be anything; of `choices` one is chosen."""

    name: str
    kind: str
    value: str
    description: str = ""
    least: str = ""
    greatest: str = ""
    step: str = "any"
    choices: tuple[str, ...] = ()


def fields(parameters: type[msgspec.Struct]) -> list[Field]:
    """Return a field for each parameter, filled with its default."""
    (schema,), components = msgspec.json.schema_components([parameters])
    found: dict[str, dict[str, Any]] = components[schema["$ref"].rpartition("/")[2]].get("properties", {})
    defaults = _defaults(parameters)
    return [_field(name, described, defaults.get(name)) for name, described in found.items()]


def _field(name: str, schema: dict[str, Any], default: Any) -> Field:
    description = str(schema.get("description", ""))
    if "enum" in schema:
        choices = tuple(map(_shown, schema["enum"]))
        return Field(name, _words(schema), _shown(default), description, choices=choices)
    if schema.get("type") == "boolean":
        return Field(name, "checkbox", "on" if default else "", description)
    if schema.get("type") in NUMBERS:
        least, greatest = _shown(schema.get("minimum")), _shown(schema.get("maximum"))
        step = "1" if schema["type"] == "integer" else "any"
        return Field(name, "number", _shown(default), description, least, greatest, step)
    return Field(name, _words(schema), _shown(default), description)


def _words(schema: dict[str, Any]) -> str:
    """Return text for what can only be that, however much it looks like JSON: 5 and true are words, too."""
    if "enum" in schema:
        return "text" if all(isinstance(value, str | None) for value in schema["enum"]) else "json"
    kinds = {choice.get("type") for choice in schema.get("anyOf", [schema])}
    return "text" if "string" in kinds <= {"string", "null"} else "json"


def _defaults(parameters: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        info.encode_name: info.default if info.default_factory is msgspec.NODEFAULT else info.default_factory()
        for info in msgspec.structs.fields(parameters)
    }


def _shown(value: Any) -> str:
    """Return a value as it stands in a field: text bare, all else as JSON, and nothing for nothing."""
    if value is None or value is msgspec.NODEFAULT:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
