"""Converts results of models, numpy's numbers and arrays too, to JSON values, or says which value JSON cannot hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from app.schemas.pointers import escaped

MAX_DEPTH = 100


class NotJson(Exception):
    """A value that JSON cannot hold; the words say where it is, and its type."""


def json_values(value: Any) -> Any:
    """Return a value as it comes back from JSON: numpy's as numbers and lists, NaN as None. Raise NotJson."""
    try:
        return msgspec.json.decode(_encoder.encode(value))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise NotJson(_first_refused(value, "", 0) or f"{type(error).__name__}") from error


def _plain(value: Any) -> Any:
    """Return what stands for a value of numpy; raise TypeError for any other."""
    if not isinstance(value, np.generic | np.ndarray):
        raise TypeError(type(value).__name__)
    found = value.tolist()
    return float(value) if isinstance(found, np.floating) else found  # a long double is its own item


_encoder = msgspec.json.Encoder(enc_hook=_plain)


def _first_refused(value: Any, pointer: str, depth: int) -> str:
    """Return where the first value is that JSON cannot hold, and its type, as words; '' if there is no such value."""
    if depth > MAX_DEPTH:
        return f"at {pointer or '/'} the values are nested more than {MAX_DEPTH} deep"
    parts = _parts(value)
    for key, part in parts.items():
        if words := _first_refused(part, pointer + escaped(str(key)), depth + 1):
            return words
    try:
        _encoder.encode(dict.fromkeys(parts) if isinstance(value, Mapping) else None if parts else value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        kind = type(value)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        return f"at {pointer or '/'} there is a value of the type {name}"
    return ""


def _parts(value: Any) -> Mapping[Any, Any]:
    """Return the values in a value, by their keys."""
    if isinstance(value, Mapping):
        return value
    is_list = isinstance(value, list | tuple | set | frozenset) or (
        isinstance(value, np.ndarray) and value.dtype == object
    )
    return dict(enumerate(value)) if is_list else {}
