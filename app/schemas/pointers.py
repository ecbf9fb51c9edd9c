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
    """Return a key as one step of a pointer."""
    return "/" + str(key).replace("~", "~0").replace("/", "~1")


def located(error: msgspec.ValidationError, document: bytes, root: str = "") -> Invalid:
    """Return the error with a pointer to the value that msgspec refused in a JSON document, which stands at `root`.

    msgspec's message ends in a path such as `$.data.X[3][1]`. The path has `[...]` for the keys of dicts, and does not
    hold the name of an unknown member, which is in the message only.
    """
    detail, _, path = str(error).partition(" - at `$")
    keys = [token["field"] or token["index"] or _SOME for token in _TOKEN.finditer(path.rstrip("`"))]
    if unknown := _UNKNOWN.match(detail):
        keys.append(unknown["field"])
    if _SOME in keys:
        at = keys.index(_SOME)
        keys[at:] = _refused_key(document, keys[:at])
    return Invalid.at(root + "".join(map(escaped, keys)), detail)


def _refused_key(document: bytes, keys: list[str]) -> list[str]:
    """Return the key that `[...]` stands for: that of a number out of range, else of a value that is not a number.

    Return no key where msgspec took another path than `json`: of two members with the same name msgspec refuses the
    first and `json` keeps the last, and the name of an unknown member may look like a path. The pointer ends there.
    """
    try:
        value = json.loads(document, parse_int=float)  # as float: an integer with too many digits raises
        for key in keys:
            value = value[int(key) if isinstance(value, list) else key]
        items = list(value.items())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []
    numbers = {key: item for key, item in items if isinstance(item, float)}
    refused = [key for key, item in numbers.items() if not math.isfinite(item)] or [
        key for key, _ in items if key not in numbers
    ]
    return refused[:1]
