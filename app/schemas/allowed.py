"""Allowed values and names of members at a location of a document, for error texts."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

MAX_LISTED = 20  # values or names in one error
MAX_CHARACTERS = 40  # of each
MAX_COMPARED = 64  # characters of an unknown name: longer names are similar to no member


def listed(values: Sequence[Any]) -> str:
    """Return values for an error text: the first ones, each truncated if it is long."""
    left = len(values) - MAX_LISTED
    more = [f"… and {left} more"] if left > 0 else []
    return ", ".join([*map(_shown, values[:MAX_LISTED]), *more])


def values_at(kind: Any, keys: Sequence[str]) -> list[Any]:
    """Return the values that a type allows at these keys; empty if it lists none."""
    found: list[Any] = []
    for each in _types_at(kind, keys):
        if isinstance(each, msgspec.inspect.LiteralType):
            found += each.values
        elif isinstance(each, msgspec.inspect.EnumType):
            found += [member.value for member in each.cls]
    return sorted(dict.fromkeys(found), key=str)


def members_at(kind: Any, keys: Sequence[str]) -> list[str]:
    """Return the names of the members of the object that a type has at these keys."""
    structs = [each for each in _types_at(kind, keys) if isinstance(each, msgspec.inspect.StructType)]
    return [field.encode_name for struct in structs for field in struct.fields]


def instead(name: str, names: Sequence[str]) -> str:
    """Return a hint for an unknown name: similar names, or else all; '' if there are none."""
    if not names:
        return ""
    short = len(name) <= MAX_COMPARED
    folded = {each.casefold(): each for each in names}
    if short and (close := difflib.get_close_matches(name.casefold(), folded, n=3)):
        return f"; did you mean {' or '.join(folded[each] for each in close)}?"
    return f"; there are {listed(names)}" if len(names) > 1 else f"; there is {listed(names)}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"


@lru_cache(64)
def _inspected(kind: Any) -> msgspec.inspect.Type:
    return msgspec.inspect.type_info(kind)


def _types_at(kind: Any, keys: Sequence[str]) -> list[msgspec.inspect.Type]:
    """Return the types that a value at these keys may have, without unions."""
    found = list(_choices(_inspected(kind)))
    for key in keys:
        found = [inner for each in found for step in _steps(each, key) for inner in _choices(step)]
    return found


def _choices(kind: msgspec.inspect.Type) -> Iterator[msgspec.inspect.Type]:
    match kind:
        case msgspec.inspect.UnionType(types=types):
            for each in types:
                yield from _choices(each)
        case msgspec.inspect.Metadata(type=inner):
            yield from _choices(inner)
        case _:
            yield kind


def _steps(kind: msgspec.inspect.Type, key: str) -> list[msgspec.inspect.Type]:
    """Return the types of the member at a key of a value of this type."""
    match kind:
        case msgspec.inspect.StructType(fields=fields):
            return [field.type for field in fields if field.encode_name == key]
        case msgspec.inspect.DictType(value_type=inner):
            return [inner]
        case msgspec.inspect.ListType(item_type=inner) | msgspec.inspect.VarTupleType(item_type=inner):
            return [inner]
        case msgspec.inspect.TupleType(item_types=inners) if key.isdigit() and int(key) < len(inners):
            return [inners[int(key)]]
        case _:
            return []
