"""JSON pointers (RFC 6901) to the values that msgspec refuses."""

from __future__ import annotations

import json
import math
import re

import msgspec

from app.errors import Invalid

_TOKEN = re.compile(r"\.(?P<field>[^.\[]+)|\[(?P<index>\d+)\]|\[\.\.\.\]")
_SOME = "[...]"
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.*)`$", re.DOTALL)


def escaped(key: str | int) -> str:
    """Return one step of a pointer."""
    return "/" + str(key).replace("~", "~0").replace("/", "~1")


def located(error: msgspec.ValidationError, document: bytes, root: str = "") -> Invalid:
    """Return the error with the pointer to what msgspec refused in a JSON document that lies at the pointer `root`.

    msgspec ends its words in a path such as `$.data.X[3][1]`, leaves out the keys of dicts ([...]), and names
    an unknown member in its words only.
    """
    detail, _, path = str(error).partition(" - at `$")
    keys = [token["field"] or token["index"] or _SOME for token in _TOKEN.finditer(path.rstrip("`"))]
    if unknown := _UNKNOWN.match(detail):
        keys.append(unknown["field"])
    if _SOME in keys:
        at = keys.index(_SOME)
        keys[at:] = _odd_one(document, keys[:at])
    return Invalid.at(root + "".join(map(escaped, keys)), detail)


def _odd_one(document: bytes, keys: list[str]) -> list[str]:
    """Return the key that `[...]` stands for: of a number out of range, else of what is no number in a named row.

    Nothing where the document leads elsewhere than msgspec went: of two members of one name the last counts here and
    the first there, and the name of an unknown member may look like a path. The pointer then ends before it.
    """
    try:
        value = json.loads(document, parse_int=float)  # as floats, integers may have any number of digits
        for key in keys:
            value = value[int(key) if isinstance(value, list) else key]
        items = list(value.items())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []
    numbers = {key: item for key, item in items if isinstance(item, float)}
    odd = [key for key, item in numbers.items() if not math.isfinite(item)] or [
        key for key, _ in items if key not in numbers
    ]
    return odd[:1]
