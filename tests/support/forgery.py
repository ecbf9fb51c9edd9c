"""Forged files and estimators: what a file could hold that a library reads and then crashes or hangs on."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np


def with_nodes(tree: Any, change: Callable[[Any], None]) -> None:
    """Change the nodes of a fitted tree of scikit-learn."""
    state = tree.__getstate__()
    state["nodes"] = state["nodes"].copy()
    change(state["nodes"])
    tree.__setstate__(state)


def rewritten(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """An archive with other contents of its entries."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return buffer.getvalue()


def with_schema(content: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """A skops file with another schema; `change` returns it, or changes the one that it gets."""

    def changed(name: str, raw: bytes) -> bytes:
        if name != "schema.json":
            return raw
        schema = json.loads(raw)
        found = change(schema)
        return json.dumps(schema if found is None else found).encode()

    return rewritten(content, changed)


def with_arrays(content: bytes, change: Callable[[Any], None], fields: str) -> bytes:
    """A skops file with other values in its arrays of nodes, which have this field."""

    def changed(name: str, raw: bytes) -> bytes:
        if not name.endswith(".npy"):
            return raw
        array = np.load(io.BytesIO(raw), allow_pickle=False)
        if fields not in (array.dtype.names or ()):
            return raw
        change(array)
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        return buffer.getvalue()

    return rewritten(content, changed)


def of_version(content: bytes, version: str) -> bytes:
    """A skops file as if scikit-learn of this version had written it."""

    def change(node: Any) -> None:
        members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for name, member in members:
            if name == "_sklearn_version":
                member["content"] = json.dumps(version)
            else:
                change(member)

    return with_schema(content, change)
