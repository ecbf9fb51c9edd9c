"""JSON pointers (RFC 6901) to values of a document, and msgspec's errors in plain words."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from app.errors import Fault, Invalid
from app.schemas.allowed import instead, listed, members_at, values_at
from app.schemas.decoding import decode_json

_TOKEN = re.compile(r"\.(?P<field>[^.\[]+)|\[(?P<index>\d+)\]|\[\.\.\.\]")
_SOME = "[...]"
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.*)`$", re.DOTALL)
_CHOICE = re.compile(r"^Invalid (?:enum )?value ")
_STRUCTURE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{},:]', re.DOTALL)
_WORDS = {
    "object": "an object",
    "array": "an array",
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
}
_PLAIN = (
    (re.compile(r"^Expected "), "expected "),
    (re.compile(r"^Object missing required field `(.*)`$", re.DOTALL), r"the member '\1' is missing"),
    (re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL), r"there is no member '\1'"),
    (re.compile(r"^Invalid (?:enum )?value (.*)$", re.DOTALL), r"\1 is not one of the values allowed here"),
    (re.compile(r"^Number out of range$"), "the number is out of range"),
)


def escaped(key: str | int) -> str:
    """Return a key as one step of a pointer."""
    return "/" + str(key).replace("~", "~0").replace("/", "~1")


def moved(error: Invalid, root: str, to: str) -> Invalid:
    """Return an error whose pointers begin with `to` instead of `root`."""
    faults = (Fault(to + fault.pointer.removeprefix(root), fault.detail) for fault in error.faults)
    return Invalid(error.detail, *faults)


def located(
    error: msgspec.ValidationError, document: bytes, root: str = "", first: int = 0, *, kind: Any = Any
) -> Invalid:
    """Return the error with a pointer to the value that msgspec refused in a JSON document, which is located at `root`.

    `kind` is the type that refused it: the error lists the allowed values. The document may be a part of an
    array whose items before it are `first`. msgspec's message ends in a path such as `$.data.X[3][1]`. The path has
    `[...]` for the keys of dicts, and does not hold the name of an unknown member, which is in the message only.
    """
    detail, _, path = str(error).partition(" - at `$")
    keys = [token["field"] or token["index"] or _SOME for token in _TOKEN.finditer(path.rstrip("`"))]
    more = ""
    if unknown := _UNKNOWN.match(detail):
        more = instead(unknown["field"], members_at(kind, keys))
        keys.append(unknown["field"])
    elif _CHOICE.match(detail) and (values := values_at(kind, keys)):
        more = f": {listed(values)}"
    if _SOME in keys:
        at = keys.index(_SOME)
        keys[at:] = _refused_key(document, keys[:at])
    if first and keys:
        keys[0] = str(int(keys[0]) + first)
    return Invalid.at(root + "".join(map(escaped, keys)), plain(detail) + more)


def plain(detail: str) -> str:
    """Return msgspec's message without names of types: "expected an object or null, got a string"."""
    for pattern, words in _PLAIN:
        detail, found = pattern.subn(words, detail)
        if found:
            break
    detail = re.sub(r"`(\w+(?: \| \w+)*)`", lambda types: _words(types[1].split(" | ")), detail)
    return detail.replace("an integer, got a number", "an integer, got a number with a fraction")


def _words(types: list[str]) -> str:
    *others, last = (_WORDS.get(each, each) for each in types)
    return f"{', '.join(others)} or {last}" if others else last


def _refused_key(document: bytes, keys: list[str]) -> list[str]:
    """Return the key for `[...]`: that of a number out of range, of an array or object, or of no number.

    Return no key if msgspec took another path than `json`: of two members with the same name msgspec refuses the
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
    beyond = [key for key, item in numbers.items() if not math.isfinite(item)]
    containers = [key for key, item in items if isinstance(item, list | dict)]
    others = [key for key, _ in items if key not in numbers]
    return (beyond or containers or others)[:1]


class Place:
    """The current position in a JSON document that is read from its beginning and is well formed so far."""

    def __init__(self) -> None:
        self._keys: list[str | int] = []
        self._last = b""

    def advance(self, text: bytes) -> None:
        """Process the next part of the document."""
        for token in _STRUCTURE.finditer(text):
            match token[0]:
                case b"[":
                    self._keys.append(0)
                case b"{":
                    self._keys.append("")
                case b"]" | b"}":
                    self._keys.pop()
                case b"," if isinstance(self._keys[-1], int):
                    self._keys[-1] += 1
                case b":":
                    self._keys[-1] = decode_json(self._last, str)
                case string if string.startswith(b'"'):
                    self._last = string

    def pointer(self, first: int = 0) -> str:
        """Return the pointer to the value that begins here; the items before the document are `first`."""
        keys = [*self._keys]
        if first and keys and isinstance(keys[0], int):
            keys[0] += first
        return "".join(map(escaped, keys))
