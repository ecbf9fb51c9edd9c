"""Requests as bytes: the one place that says in which form data goes out.

JSON serves every verb. A form that is cheaper for bulk goes here: another `EncodedBody` with a media type and a query
of its own, chosen by verb and size; nothing else in the client knows what a body looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.client.dataframes import Matrix, pair, rows
from app.client.errors import Invalid
from app.model.dataframes import as_float

BLOCK_VALUES = 200_000
"""Numbers of X, or of predictions, in one request of a predict: some 4 MB of JSON; more rows are more requests."""


class EncodedBody(NamedTuple):
    """A request as it is sent."""

    content: bytes
    media_type: str
    query: Mapping[str, Any] = {}


def of_arrays(
    X: Matrix,
    y: NDArray[np.float64] | None = None,
    columns: list[str] | None = None,
    **members: Any,
) -> EncodedBody:
    """Encode X (n, p) and y (n,) or (n, k) with the other members of the request (params, version, timeout …)."""
    data: dict[str, Any] = {"X": X.tolist()}
    if y is not None:
        data["y"] = y.tolist()
    if columns is not None:
        data["columns"] = columns
    return of_members(data=data, **members)


def of_data(data: Mapping[str, Any], **members: Any) -> EncodedBody:
    """Encode the member `data` of a request ({"X", "y", "columns"} or {"source", "params"}) with the others.

    X and y may be lists, which go out as they are, or arrays and frames, which are checked as `fit` does.
    """
    found = dict(data)
    if data.get("columns") is not None:
        found["columns"] = list(data["columns"])
    if _named(data.get("X")):
        if not isinstance(data.get("y", []), list):
            found["y"] = as_float(data["y"], "y").tolist()
    elif any(not isinstance(data.get(name, []), list) for name in ("X", "y")):
        given, targets = (rows(data.get("X")), None) if "y" not in data else pair(data.get("X"), data["y"])
        found["X"] = given.X.tolist()
        if targets is not None:
            found["y"] = targets.tolist()
        if given.names is not None:
            found.setdefault("columns", given.names)
    return of_members(data=found, **members)


def _named(X: Any) -> bool:
    """Whether these are rows by name, which the service puts in order."""
    return isinstance(X, list) and bool(X) and isinstance(X[0], Mapping)


def of_members(**members: Any) -> EncodedBody:
    """Encode a request of these members, without those that are None; raise Invalid for what JSON doesn't have."""
    given = {key: _plain(value) for key, value in members.items() if value is not None}
    try:
        return EncodedBody(msgspec.json.encode(given), "application/json")
    except TypeError as error:
        raise Invalid(f"a parameter can't be sent: {error}") from None


def of_csv(content: bytes, **query: Any) -> EncodedBody:
    """Send a CSV file as it is: UTF-8, a header, then rows of numbers; all else (target, params …) is the query."""
    return EncodedBody(content, "text/csv", {key: _worded(value) for key, value in query.items()})


def _plain(value: Any) -> Any:
    """Return numpy's own numbers as Python's, in parameters too."""
    if isinstance(value, np.generic):
        return value.item()
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _worded(value: Any) -> Any:
    """Return a query parameter as text that the service reads as the same value."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [_worded(item) for item in value]
    return msgspec.json.encode(_plain(value)).decode()
