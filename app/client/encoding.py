"""Encodes requests: the only module of the client that depends on body formats.

JSON serves every verb. A format that is cheaper for large data is another `EncodedBody` with its own media type and
query.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.client.dataframes import ColumnChoice, Rows, to_rows, to_targets
from app.client.errors import Invalid
from app.client.file_forms import FileForm
from app.client.labels import to_y as labels_or_numbers
from app.model.dataframes import Array

BLOCK_VALUES = 200_000
"""Values of X in one predict request, about 4 MB of JSON; more rows are sent in further requests."""


class EncodedBody(NamedTuple):
    """A request body, its media type and its query."""

    content: bytes | FileForm
    media_type: str
    query: Mapping[str, Any] = {}


def encode_arrays(
    rows: Rows, y: NDArray[Any] | None = None, sample_weight: Array | None = None, **members: Any
) -> EncodedBody:
    """Encode X (n, p), y (n,) or (n, k), and the weights of the rows (n,) with the other members of the request.

    y is numbers or labels.
    """
    arrays = {"X": rows.X, "y": y, "sample_weight": sample_weight}
    data: dict[str, Any] = {name: array.tolist() for name, array in arrays.items() if array is not None}
    if rows.names is not None:
        data["columns"] = rows.names
    return encode_request(data=data, **members)


def encode_data(
    data: Mapping[str, Any], to_y: Callable[[Any], NDArray[Any]] = to_targets, **members: Any
) -> EncodedBody:
    """Encode the member `data` of a request and the other members; `to_y` converts y.

    It is {"X", "y", "columns", "sample_weight"}, of lists, arrays or data frames, or {"source", "params"}.
    """
    choice = ColumnChoice.of(*(members.get(name) for name in ColumnChoice._fields))
    return encode_request(data=_encode_rows(data, choice, to_y), **{**members, **choice._asdict()})


def _encode_rows(data: Mapping[str, Any], choice: ColumnChoice, to_y: Callable[[Any], NDArray[Any]]) -> dict[str, Any]:
    encoded = dict(data)
    if data.get("columns") is not None:
        encoded["columns"] = list(data["columns"])
    X = data.get("X")
    ordered = isinstance(X, list) and X and isinstance(X[0], Mapping) and "columns" in encoded  # by the service
    if X is not None and not ordered:
        given = to_rows(X, choice, encoded.get("columns"))
        encoded["X"] = given.X.tolist()
        if given.names is not None:
            encoded["columns"] = given.names
    if data.get("y") is not None:
        encoded["y"] = to_y(data["y"]).tolist()
    if data.get("sample_weight") is not None:
        encoded["sample_weight"] = to_targets(data["sample_weight"], "sample_weight").tolist()
    return encoded


def encode_request(**members: Any) -> EncodedBody:
    """Encode a request with these members, without those that are None; raise Invalid for values JSON cannot hold."""
    given = {key: _to_builtin(value) for key, value in members.items() if value is not None}
    if isinstance(gate := given.get("promote"), dict) and (rows := gate.get("on")) is not None:
        if not isinstance(rows, Mapping):
            raise Invalid.at("/promote/on", f'"on" is {{"X", "y"}} or {{"source"}}, not a {type(rows).__name__}')
        given["promote"] = {**gate, "on": _encode_rows(rows, ColumnChoice.of(), _any_y)}
    try:
        return EncodedBody(msgspec.json.encode(given), "application/json")
    except TypeError as error:
        raise Invalid(f"the request cannot be encoded as JSON: {error}") from None


def encode_csv(content: bytes, **query: Any) -> EncodedBody:
    """Wrap a CSV file (UTF-8, a header, then rows of numbers); the other members (target, params …) are the query."""
    return EncodedBody(content, "text/csv", {key: _query_value(value) for key, value in query.items()})


def _any_y(y: Any) -> NDArray[Any]:
    return labels_or_numbers(y, lambda: None)


def encode_tables(content: bytes, held_out: bytes, **query: Any) -> EncodedBody:
    """Wrap two CSV files as a form (RFC 7578): the data of a fit, and the rows of its gate."""
    boundary = uuid4().hex
    parts = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="t.csv"\r\nContent-Type: text/csv\r\n\r\n%b\r\n'
        % (boundary.encode(), name, table)
        for name, table in ((b"file", content), (b"promote_on", held_out))
    ]
    form = b"%b--%b--\r\n" % (b"".join(parts), boundary.encode())
    members = {key: _query_value(value) for key, value in query.items()}
    return EncodedBody(form, f"multipart/form-data; boundary={boundary}", members)


def _to_builtin(value: Any) -> Any:
    """Return numpy scalars as Python numbers, also inside dicts."""
    if isinstance(value, np.generic):
        return value.item()
    return {key: _to_builtin(item) for key, item in value.items()} if isinstance(value, dict) else value


def _query_value(value: Any) -> Any:
    """Return a query parameter as text that the service parses to the same value."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [_query_value(item) for item in value]
    return msgspec.json.encode(_to_builtin(value)).decode()
