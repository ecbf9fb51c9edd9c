"""The members of a query, which has all of a request except its body: text, or a list for a repeated name."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from app.errors import Fault, Invalid
from app.schemas.pointers import escaped

Query: TypeAlias = Mapping[str, str | list[str]]
OpenQuery: TypeAlias = dict[str, str | list[str]]
"""A query from which each reader takes its own members."""
MAX_SHOWN = 64  # characters of a name in an error
MAX_FAULTS = 20


def take_one(query: OpenQuery, name: str) -> str | None:
    """Take a member that may be given once; raise Invalid."""
    value = query.pop(name, None)
    if isinstance(value, list):
        raise Invalid.at(f"/{name}", "given more than once")
    return value


def take_all(query: OpenQuery, name: str) -> list[str]:
    """Take a member that may be repeated."""
    value = query.pop(name, [])
    return [value] if isinstance(value, str) else value


def split(texts: Sequence[str], name: str, *, keeps_empty: bool = False) -> list[str]:
    """Return the values of the member `name`, which may be repeated, or have commas between them.

    A value with a comma or a line end is quoted; raise Invalid for a line end that is not.
    """
    rows = csv.reader(texts, skipinitialspace=True)
    try:
        return [each.strip() for row in rows for each in row if keeps_empty or each.strip()]
    except csv.Error:
        raise Invalid.at(f"/{name}", "the values are one line; quote one that holds a line end") from None


def with_lists(schema: type[msgspec.Struct], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return members of a query, those that a schema says are lists split where they are one text."""
    lists = {field.name for field in msgspec.inspect.type_info(schema).fields if _is_list(field.type)}  # type: ignore[attr-defined]
    return {
        name: split([value], name) if name in lists and isinstance(value, str) else value
        for name, value in given.items()
    }


def _is_list(kind: msgspec.inspect.Type) -> bool:
    if isinstance(kind, msgspec.inspect.UnionType):
        return any(map(_is_list, kind.types))
    if isinstance(kind, msgspec.inspect.Metadata):
        return _is_list(kind.type)
    return isinstance(kind, msgspec.inspect.CollectionType)


def refuse_rest(query: OpenQuery) -> None:
    """Raise Invalid for a member that no reader took."""
    for name in query:
        raise Invalid.at(escaped(name), "unknown query parameter")


def unknown_names(given: Iterable[str], known: Sequence[str], what: str) -> Invalid | None:
    """Return the error for names that are not known, None without any; `what` they are no: a field of the form."""
    takes = f"this takes {', '.join(known)}" if known else "this takes none"
    shown = [name[:MAX_SHOWN] for name in given if name not in known][:MAX_FAULTS]
    faults = [Fault(escaped(name), f"{name!r} is no {what}; {takes}") for name in shown]
    return Invalid("; ".join(dict.fromkeys(fault.detail for fault in faults)), *faults) if faults else None
