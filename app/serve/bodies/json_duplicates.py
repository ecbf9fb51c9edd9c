"""Detects duplicate members of objects by counting, because the decoder silently keeps the last one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from app.errors import Malformed
from app.schemas.pointers import escaped

SHORT_BYTES = 1000  # of a text whose names are compared directly
LONG_BYTES = 1000  # of a value that is large enough to leave out
_NAMES = re.compile(rb'"([^"\\]*)"[ \t\r\n]*:')
_SPACED = re.compile(rb'"[ \t\r\n]+:')


def refuse_duplicates(
    text: bytes, members: Callable[[], int], apart: Sequence[msgspec.Raw] = (), root: str = "", first: int = 0
) -> None:
    """Raise Malformed for the first member that is given twice, with its pointer.

    The text is JSON that was decoded to as many members as `members` counts, those of objects in objects included;
    those in the values `apart` are not counted. Only where names recur and there are more colons than members, and not
    all of the others in strings, is the text read once more. It may be an array, whose items before it are `first`, and
    `root` leads to it.
    """
    if _all_differ(text):  # as in most short texts, for which this is faster than counting
        return
    colons, expected = text.count(b":"), members()
    if colons <= expected:
        return
    values = [bytes(value) for value in apart]
    if colons - sum(value.count(b":") for value in values) <= expected:
        return
    if not _SPACED.search(text) and text.count(b'":') - sum(value.count(b'":') for value in values) <= expected:
        return
    for value in values:
        if len(value) > LONG_BYTES:
            text = text.replace(value, b"[]", 1)
    document = text.decode("utf-8", "surrogateescape")
    try:
        _strict.decode(document)
    except _TwiceError:
        found = _find(_marking.decode(document))
        if found and first:
            found = [int(found[0]) + first, *found[1:]]
        detail = f"the member {str((found or [''])[-1])[:64]!r} is given twice"
        raise Malformed.at(root + "".join(map(escaped, found or [])), detail) from None
    except (ValueError, RecursionError):
        return  # a text that this decoder interprets differently


def count_members(value: dict[str, Any] | list[Any]) -> int:
    """Return how many members the objects in a decoded value have."""
    found, items = (len(value), value.values()) if isinstance(value, dict) else (0, value)
    for item in items:
        if type(item) is dict or type(item) is list:
            found += count_members(item)
    return found


def _all_differ(text: bytes) -> bool:
    """Whether all names of members in a short text differ, in all objects together."""
    if len(text) > SHORT_BYTES or b"\\" in text:
        return False
    names = _NAMES.findall(text)
    return len(names) == len(set(names)) == text.count(b":")  # a colon in a string may look like the end of a name


class _TwiceError(Exception):
    """An object has a duplicate member."""


class _Twice(NamedTuple):
    key: str


def _refused(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _TwiceError
    return members


def _marked(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any] | _Twice:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            return _Twice(key)
        members[key] = value
    return members


def _find(value: Any) -> list[str | int] | None:
    """Return the steps to the first object with a duplicate member, and that member."""
    if isinstance(value, _Twice):
        return [value.key]
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, item in items:
        if (found := _find(item)) is not None:
            return [key, *found]
    return None


def _decoder(hook: Any) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=hook, parse_int=str, parse_float=str, parse_constant=str, strict=False)


_strict, _marking = _decoder(_refused), _decoder(_marked)
