"""Forms with a file, and perhaps one for a gate: their schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.serve.bodies.multipart import FILE, HELD_OUT

ABOUT = {
    FILE: "The data: a table, or a file for a model that takes files.",
    HELD_OUT: "What a gate compares versions on: a table, or a zip file for a model that takes files.",
}


def form(*names: str, kind: Mapping[str, str]) -> dict[str, Any]:
    """Return the schema of a form with files in these fields, of which the first one has to come."""
    return {
        "type": "object",
        "description": f"The data as the file `{FILE}`; each other field is a member of the query.",
        "properties": {name: {**kind, "description": ABOUT[name]} for name in names},
        "required": [names[0]],
    }
