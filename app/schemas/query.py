"""The members of a query, which has all of a request except its body: text, or a list for a repeated name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from app.errors import Invalid
from app.schemas.pointers import escaped

Query: TypeAlias = Mapping[str, str | list[str]]
OpenQuery: TypeAlias = dict[str, str | list[str]]
"""A query from which each reader takes its own members."""


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


def refuse_rest(query: OpenQuery) -> None:
    """Raise Invalid for a member that no reader took."""
    for name in query:
        raise Invalid.at(escaped(name), "unknown query parameter")
