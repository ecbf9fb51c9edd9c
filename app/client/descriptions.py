"""Describes the columns of a version in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.schemas.columns import Column
from app.schemas.wording import seen

SHOWN_COLUMNS = 10


def describe(schema: Mapping[str, Any]) -> str:
    """Return the inputs and outputs of a version, such as "city (text: Bern, Chur), size (integer: 1 to 5) -> y"."""
    columns = schema.get("columns") or [{"name": name, "kind": "number"} for name in schema["inputs"]]
    shown = ", ".join(map(_column, columns[:SHOWN_COLUMNS]))
    more = len(columns) - SHOWN_COLUMNS
    return f"{shown}{f' and {more} more' if more > 0 else ''} -> {', '.join(schema['outputs'])}"


def _column(column: Mapping[str, Any]) -> str:
    known = Column(**{field: column[field] for field in Column.__struct_fields__ if field in column})
    words = seen(known, "{:g}".format)
    return f"{known.name} ({known.kind}{': ' if words else ''}{words})"
