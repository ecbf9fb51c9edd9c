"""Checks the schema of a skops file before skops reads it: its depth, its size, and the types that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn
from zipfile import BadZipFile, ZipFile

from app.errors import Invalid
from app.model.imported.archives import SCHEMA, check_archive
from app.model.imported.formats import refuse_archive

MAX_DEPTH = 100
"""Depth of nested lists and objects; real models have at most 33."""
MAX_NODES = 10_000_000
"""Objects, counted once per reference, because skops visits each reference."""


def types_named(path: Path) -> frozenset[str]:
    """Return the full names of the types and functions in a skops file.

    Raise Invalid for a file beyond the bounds, or one that is damaged.
    """
    names = check_archive(path)
    if SCHEMA not in names:
        refuse_archive(names)
    try:
        with ZipFile(path) as archive:
            schema = json.loads(archive.read(SCHEMA))
    except (BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise Invalid.at("/file", f"{SCHEMA} cannot be read: {type(error).__name__}") from None
    except RecursionError:
        _refuse_depth()
    if not isinstance(schema, dict):
        _refuse(f"{SCHEMA} does not describe an object")
    _check_depth(schema)
    _check_expansion(schema)
    return frozenset(f"{node['__module__']}.{node['__class__']}" for node in _nodes(schema))


def _check_depth(schema: Any) -> None:
    level = [schema]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _children(value) if isinstance(child, dict | list)]
        if not level:
            return
    _refuse_depth()


def _nodes(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield all nodes, which are the objects that name a type."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict) and "__class__" in value:
            if not isinstance(value["__class__"], str) or not isinstance(value.get("__module__"), str):
                _refuse(f"{SCHEMA} is damaged: a node does not name its type")
            yield value
        waiting.extend(child for child in _children(value) if isinstance(child, dict | list))


def _check_expansion(schema: Any) -> None:
    """Refuse a schema with so many references that visiting all would take forever: two at each of many levels."""
    sizes: dict[Any, int] = {}
    for node in _children_first(schema):
        size = 1
        for child in _children(node):
            size += sizes.get(id(child), 0)
        if isinstance(node, dict) and isinstance(known := node.get("__id__"), int) and known:
            # a node with a known number is a reference to the first one
            size = sizes.setdefault(("number", known), size)
        if size > MAX_NODES:
            _refuse(f"{SCHEMA} refers to its objects too often: over {MAX_NODES} are to be visited")
        sizes[id(node)] = size


def _children_first(schema: Any) -> list[Any]:
    """Return all objects and lists, each after those in it."""
    waiting, found = [schema], []
    while waiting:
        value = waiting.pop()
        found.append(value)
        waiting.extend(child for child in _children(value) if isinstance(child, dict | list))
    found.reverse()
    return found


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _refuse_depth() -> NoReturn:
    _refuse(f"{SCHEMA} is nested more than {MAX_DEPTH} deep")


def _refuse(detail: str) -> NoReturn:
    raise Invalid.at("/file", detail)
