"""The fields of forms, made from the Structs that validate their values and from the columns of versions."""

from __future__ import annotations

import csv
import inspect
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import isnan
from typing import Any, NamedTuple

import msgspec

from app.schemas.columns import NUMERIC, Column, Kind
from app.service.sources import DataSource

NUMBERS = {"integer", "number"}
MAX_FIELDS = 40  # with more columns there is one field for all
_FIELD_KINDS: Mapping[Kind, str] = {"boolean": "checkbox", "datetime": "datetime", "text": "text"}


class Field(NamedTuple):
    """One field; `kind` is number, checkbox, text, datetime, json (any value) or csv (a row).

    With `choices` it is a list to choose from, also of nothing where the field is `nullable`.
    """

    name: str
    kind: str
    value: str
    description: str = ""
    least: str = ""
    greatest: str = ""
    step: str = "any"
    choices: tuple[str, ...] = ()
    nullable: bool = False


class SourceForm(NamedTuple):
    """The parameters of a data source."""

    name: str
    description: str
    fields: list[Field]


def fields(parameters: type[msgspec.Struct]) -> list[Field]:
    """Return a field for each parameter, filled with its default."""
    (reference,), components = msgspec.json.schema_components([parameters])
    found: dict[str, dict[str, Any]] = components[reference["$ref"].rpartition("/")[2]].get("properties", {})
    defaults = _defaults(parameters)
    return [_field(name, schema, defaults.get(name)) for name, schema in found.items()]


def source_forms(sources: Mapping[str, type[DataSource]]) -> list[SourceForm]:
    """Return the form of each source, by name."""
    return [
        SourceForm(name, (inspect.getdoc(kind) or "").partition("\n")[0], fields(kind.Params))
        for name, kind in sorted(sources.items())
    ]


def column_fields(
    columns: Sequence[Column], row: Iterable[float | None], most_choices: int | None = None
) -> list[Field]:
    """Return a field for each column of a version, filled from a row of a table; with many columns one for all.

    Texts of which there are more than `most_choices` different ones are typed, not chosen from a list.
    """
    texts = [_cell(column, value) for column, value in zip(columns, row, strict=True)]
    if len(columns) > MAX_FIELDS:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(texts)
        return [Field(f"{len(columns)} values, comma separated", "csv", line.getvalue() if any(texts) else "")]
    return [_column_field(column, text, most_choices) for column, text in zip(columns, texts, strict=True)]


def _column_field(column: Column, text: str, most_choices: int | None) -> Field:
    if column.kind == "boolean" and column.nullable:
        return Field(column.name, "json", text, choices=("true", "false"), nullable=True)
    if column.kind == "boolean":
        return Field(column.name, "checkbox", "on" if text == "true" else "")
    choices = tuple(column.categories or ())
    if most_choices is not None and len(choices) > most_choices:
        choices = ()
    return Field(column.name, _FIELD_KINDS.get(column.kind, "number"), text, choices=choices, nullable=column.nullable)


def _cell(column: Column, value: float | None) -> str:
    """Return a value of a table's X as text; empty for a missing value, and for a text that was not stored."""
    if value is None or isnan(value):
        return ""
    if column.kind in NUMERIC:
        return f"{value:.6g}"
    if column.kind == "boolean":
        return "true" if value else "false"
    if column.kind == "datetime":
        return datetime.fromtimestamp(value, UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    return column.categories[int(value)] if column.categories else ""


def _field(name: str, schema: dict[str, Any], default: Any) -> Field:
    description = str(schema.get("description", ""))
    if "enum" in schema:
        choices = tuple(map(_text, schema["enum"]))
        return Field(name, _text_kind(schema), _text(default), description, choices=choices)
    if schema.get("type") == "boolean":
        return Field(name, "checkbox", "on" if default else "", description)
    if schema.get("type") in NUMBERS:
        least, greatest = _text(schema.get("minimum")), _text(schema.get("maximum"))
        step = "1" if schema["type"] == "integer" else "any"
        return Field(name, "number", _text(default), description, least, greatest, step)
    return Field(name, _text_kind(schema), _text(default), description)


def _text_kind(schema: dict[str, Any]) -> str:
    """Return text for a value that can only be a string, and json for any other: in a text field 5 is a string."""
    if "enum" in schema:
        return "text" if all(isinstance(value, str | None) for value in schema["enum"]) else "json"
    kinds = {choice.get("type") for choice in schema.get("anyOf", [schema])}
    return "text" if "string" in kinds <= {"string", "null"} else "json"


def _defaults(parameters: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        info.encode_name: info.default if info.default_factory is msgspec.NODEFAULT else info.default_factory()
        for info in msgspec.structs.fields(parameters)
    }


def _text(value: Any) -> str:
    """Return a value for a field: a string unchanged, None as an empty text, everything else as JSON."""
    if value is None or value is msgspec.NODEFAULT:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
