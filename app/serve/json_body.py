"""JSON bodies: decoded and validated in one pass, with a pointer to the first value that is wrong."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any, cast

import msgspec
import numpy as np

from app.errors import Invalid, Malformed
from app.schemas import ApplyBody, Data, FitBody, Matrix, Request, Rows, Source, Table, Targets, Verb

POINTER_BYTES = 1_000_000  # how far into a malformed body a pointer is worked out
_fit_decoder = msgspec.json.Decoder(FitBody)
_apply_decoder = msgspec.json.Decoder(ApplyBody)


def parse_json(verb: Verb, body: bytes) -> Request:
    """Decode a JSON body, an empty one as {}; raise Malformed, or Invalid with a pointer."""
    if not body.strip():
        return Request()
    try:
        decoded = _fit_decoder.decode(body) if verb == "fit" else _apply_decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _wrong(body, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_json(body, error) from None
    request = Request(model=decoded.model)
    if isinstance(decoded, FitBody):
        request.params = decoded.params
    else:
        request.version = decoded.version
    if decoded.data is not None:
        _take_data(request, decoded.data)
    return request


def _take_data(request: Request, data: Data) -> None:
    if data.source is not None:
        if data.X is not None or data.y is not None or data.columns is not None:
            raise Invalid.at("/data", "give either X or a source, not both")
        request.source = Source(data.source, data.params)
    elif data.X is None:
        raise Invalid.at("/data", "give X, or the name of a source")
    elif data.params:
        raise Invalid.at("/data/params", "params go with a source, not with X")
    else:
        request.table = _table(data.X, data.y, data.columns)


def _table(rows: Rows, y: Targets | None, columns: list[str] | None) -> Table:
    if not rows:
        raise Invalid.at("/data/X", "X is empty; it needs at least one row")
    if columns is not None and len(set(columns)) != len(columns):
        raise Invalid.at("/data/columns", "two columns have the same name")
    named = isinstance(rows[0], dict)
    X = _named(cast("list[dict[str, float]]", rows), columns) if named else _matrix(cast("list[list[float]]", rows), "/data/X")
    names = list(cast("dict[str, float]", rows[0])) if named and columns is None else columns
    if names is not None and len(names) != X.shape[1]:
        raise Invalid.at("/data/columns", f"{len(names)} names for {X.shape[1]} columns")
    return Table(X, None if y is None else _outputs(y), names)


def _matrix(rows: list[list[float]], pointer: str) -> Matrix:
    """Return rows of equal length as an array; the decoder has seen to it that all values are finite numbers."""
    width = len(rows[0]) if isinstance(rows[0], list) else 0
    if not width:
        raise Invalid.at(f"{pointer}/0", "the row is empty" if isinstance(rows[0], list) else "expected an array of numbers")
    if set(map(len, rows)) != {width} or set(map(type, rows)) != {list}:
        index = next(i for i, row in enumerate(rows) if len(row) != width or not isinstance(row, list))
        raise Invalid.at(f"{pointer}/{index}", f"the row has {len(rows[index])} values, the first has {width}")
    return np.fromiter(chain.from_iterable(rows), np.float64, count=len(rows) * width).reshape(len(rows), width)


def _named(rows: list[dict[str, float]], columns: list[str] | None) -> Matrix:
    names = columns if columns is not None else list(rows[0])
    expected = set(names)
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise Invalid.at(f"/data/X/{index}", "rows are either all named or all arrays")
        if row.keys() != expected:
            odd = sorted(expected.symmetric_difference(row))
            raise Invalid.at(f"/data/X/{index}", f"the names differ from {'columns' if columns else 'the first row'}: {', '.join(odd)[:200]}")
    return _matrix([[row[name] for name in names] for row in rows], "/data/X")


def _outputs(y: Targets) -> Matrix:
    if not y:
        raise Invalid.at("/data/y", "y is empty")
    if isinstance(y[0], list):
        for index, row in enumerate(y):
            if not isinstance(row, list):
                raise Invalid.at(f"/data/y/{index}", "y is either all numbers or all arrays")
        return _matrix(cast("list[list[float]]", y), "/data/y")
    for index, value in enumerate(y):
        if isinstance(value, list):
            raise Invalid.at(f"/data/y/{index}", "y is either all numbers or all arrays")
    return np.array(y, dtype=np.float64)


def _wrong(body: bytes, message: str) -> Invalid | Malformed:
    """Turn msgspec's words, which may end in a path such as `$.data.X[3][1]`, into an error with a pointer."""
    try:  # the decoder stops at the first wrong value; what follows may not even be JSON
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError) as error:
        return _not_json(body, error)
    detail, _, path = message.partition(" - at `$")
    pointer = re.sub(r"\[(\d+)\]", r".\1", path.rstrip("`")).replace("[...]", "").replace(".", "/")
    return Invalid.at(pointer, detail)


def _not_json(body: bytes, error: Exception) -> Malformed:
    """Say where the body stops being JSON, with a pointer when it is a NaN or an Infinity that spoils it."""
    at = re.search(r"\(byte (\d+)\)", str(error))
    if at and int(at[1]) < POINTER_BYTES and (word := re.match(rb"-?(NaN|Infinity)", body[int(at[1]) : int(at[1]) + 9])):
        detail = f"{word[0].decode()} is not JSON (RFC 8259 §6); every number must be finite"
        return Malformed.at(_pointer_to(body, int(at[1])), detail)
    if isinstance(error, RecursionError):
        return Malformed("the JSON is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return Malformed("the body is not UTF-8")
    return Malformed(f"the body is not JSON: {error}")


def _pointer_to(body: bytes, position: int) -> str:
    """Return the JSON pointer to the value that starts at `position`, all before it being well formed."""
    keys: list[Any] = []
    last = b""
    for token in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[\]{},:]', body[:position]):
        match token[0]:
            case b"[":
                keys.append(0)
            case b"{":
                keys.append("")
            case b"]" | b"}":
                keys.pop()
            case b"," if isinstance(keys[-1], int):
                keys[-1] += 1
            case b":":
                keys[-1] = msgspec.json.decode(last, type=str)
            case text if text.startswith(b'"'):
                last = text
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)
