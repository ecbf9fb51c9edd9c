"""The columns of a version in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SHOWN_COLUMNS = 10
SHOWN_CATEGORIES = 5
SHOWN_CHARACTERS = 30


def describe(schema: Mapping[str, Any]) -> str:
    """Return the inputs and outputs of a version, such as "city (text: Bern, Chur), size (integer, 1 to 5) -> y"."""
    columns = schema.get("columns") or [{"name": name, "kind": "number"} for name in schema["inputs"]]
    return f"{_listed([_column(column) for column in columns], SHOWN_COLUMNS)} -> {', '.join(schema['outputs'])}"


def _column(column: Mapping[str, Any]) -> str:
    held = str(column["kind"])
    if categories := column.get("categories"):
        held += f": {_listed([text[:SHOWN_CHARACTERS] for text in categories], SHOWN_CATEGORIES)}"
    elif column.get("min") is not None:
        held += f", {_shown(column['min'])} to {_shown(column['max'])}"
    return f"{column['name']} ({held}{', may be missing' if column.get('nullable') else ''})"


def _shown(limit: float | str) -> str:
    return limit if isinstance(limit, str) else f"{limit:g}"


def _listed(words: Sequence[str], most: int) -> str:
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")
