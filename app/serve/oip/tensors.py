"""Tensors of an inference request: their values from JSON, or from the binary data after it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias, cast

import msgspec
import numpy as np
from msgspec import Meta

from app.errors import Invalid
from app.schemas.wording import counted
from app.serve.bodies.arrays import MAX_SIZE, Array, check_shape
from app.serve.bodies.json_outline import Piece
from app.serve.bodies.json_pieces import decoded, decoded_pieces
from app.serve.bodies.reader import Body

X = "X"
"""The name of the tensor that holds all inputs."""
NUMERIC: dict[str, np.dtype[Any]] = {
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
}
"""The datatypes for numbers."""
BOOL = "BOOL"
TEXT = "BYTES"
DTYPES: dict[str, np.dtype[Any]] = {**NUMERIC, BOOL: np.dtype(np.bool_)}
"""The datatypes whose values all have the same size."""
LENGTH_BYTES = 4  # before each text in binary
Values: TypeAlias = Array | list[str]
"""The values of a tensor, row by row."""
Parameters: TypeAlias = dict[str, Any] | None
_Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
_Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_TYPES: dict[str, Any] = {"FP32": float, "FP64": float, "INT32": _Int32, "INT64": _Int64, BOOL: bool, TEXT: str}
_FLAT = {name: msgspec.json.Decoder[Any](list[kind]) for name, kind in _TYPES.items()}  # type: ignore[valid-type]
_ROWS = {name: msgspec.json.Decoder[Any](list[list[kind]]) for name, kind in _TYPES.items()}  # type: ignore[valid-type]
_NESTED = re.compile(rb"\s*\[\s*\[")
_PEEK_BYTES = 1_000


class Tensor(msgspec.Struct):
    """One input; its values are in `data`, or are `binary_data_size` bytes after the JSON."""

    name: str
    shape: list[Annotated[int, Meta(ge=0, le=MAX_SIZE)]]
    datatype: str
    parameters: Parameters = None
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def parameter(parameters: Parameters, name: str, pointer: str) -> bool | None:
    """Return a parameter that is true or false, None if it is absent; raise Invalid for any other value."""
    value = (parameters or {}).get(name)
    if value is not None and not isinstance(value, bool):
        raise Invalid.at(f"{pointer}/parameters/{name}", f"{name} must be true or false")
    return value


def check(tensor: Tensor, pointer: str) -> None:
    """Raise Invalid for a datatype or a shape that no model accepts."""
    if tensor.datatype not in _TYPES:
        fault = f"datatype {tensor.datatype[:32]!r} is not supported; send one of {', '.join(_TYPES)}"
        raise Invalid.at(f"{pointer}/datatype", fault)
    check_shape(tensor.shape, f"{pointer}/shape")
    if "shared_memory_region" in (tensor.parameters or {}):
        raise Invalid.at(f"{pointer}/parameters/shared_memory_region", "shared memory is not supported; send the data")


def from_bytes(tensor: Tensor, pointer: str, size: object, binary: Body | None, offset: int) -> Values:
    """Return the values that are `size` bytes of `binary` from the offset; raise Invalid."""
    at = f"{pointer}/parameters/binary_data_size"
    if binary is None:
        raise Invalid.at(at, "binary data needs the header Inference-Header-Content-Length")
    if tensor.data is not msgspec.UNSET:
        raise Invalid.at(f"{pointer}/data", "the tensor has both data and binary_data_size; send one of them")
    count, left = math.prod(tensor.shape), len(binary) - offset
    needed = size if tensor.datatype == TEXT else count * DTYPES[tensor.datatype].itemsize
    if type(size) is not int or size != needed or size < 0:
        raise Invalid.at(at, f"binary_data_size must be {needed} by the shape and datatype")
    if size > left:
        raise Invalid.at(at, f"the tensor has {size} bytes, but only {left} are left in the body")
    if tensor.datatype == TEXT:
        return _texts(memoryview(binary)[offset : offset + size], count, pointer)
    values = np.frombuffer(binary, DTYPES[tensor.datatype], count, offset)
    return values if tensor.datatype != BOOL else values.view(np.uint8) != 0


def from_json(tensor: Tensor, pointer: str, pieces: Sequence[Piece] | None) -> Values:
    """Return the values of `data`, which may be a long array in pieces; raise Invalid, or Malformed."""
    if tensor.data is msgspec.UNSET:
        raise Invalid.at(pointer, "the tensor has neither data nor binary_data_size")
    nested = _is_nested(tensor.data, pieces)
    decode = (_ROWS if nested else _FLAT)[tensor.datatype].decode
    parts: list[Any] = []
    items: Any
    rows = 0
    if pieces is None:
        decoded_parts = iter([(0, decoded(decode, bytes(tensor.data), f"{pointer}/data"))])
    else:
        decoded_parts = decoded_pieces(decode, pieces, f"{pointer}/data")
    for first, items in decoded_parts:
        rows = first + len(items)
        flat = _flat(tensor, pointer, items, first) if nested else items
        with np.errstate(all="ignore"):  # a number beyond float32 becomes infinite, and is refused later
            parts.append(flat if tensor.datatype == TEXT else np.array(flat, DTYPES[tensor.datatype]))
    if nested and rows != tensor.shape[0]:
        raise Invalid.at(f"{pointer}/data", f"data has {counted(rows, 'row')}, but the shape is {tensor.shape}")
    if not nested and rows != math.prod(tensor.shape):
        raise Invalid.at(f"{pointer}/data", f"data has {counted(rows, 'value')}, but the shape is {tensor.shape}")
    if tensor.datatype == TEXT:
        return [text for part in parts for text in part]
    return cast("Array", parts[0] if len(parts) == 1 else np.concatenate(parts))


def not_finite(tensor: Tensor, pointer: str, row: int, column: int) -> Invalid:
    """Return the error for a number that is not finite; its pointer is that of the number, or of a binary tensor."""
    if tensor.data is msgspec.UNSET:
        return Invalid.at(pointer, f"every number must be finite; the one at row {row}, column {column} is not")
    step = f"{row}/{column}" if _is_nested(tensor.data, None) else str(row * math.prod(tensor.shape[1:]) + column)
    return Invalid.at(f"{pointer}/data/{step}", "every number must be finite")


def _texts(data: memoryview, count: int, pointer: str) -> list[str]:
    """Return texts, each of which follows its length; raise Invalid."""
    texts: list[str] = []
    at = 0
    while at + LENGTH_BYTES <= len(data) and len(texts) < count:
        end = at + LENGTH_BYTES + int.from_bytes(data[at : at + LENGTH_BYTES], "little")
        try:
            texts.append(str(data[at + LENGTH_BYTES : end], "utf-8"))
        except UnicodeDecodeError:
            raise Invalid.at(pointer, f"the text at position {len(texts)} is not UTF-8") from None
        at = end
    if at != len(data) or len(texts) != count:
        fault = f"the bytes are not {counted(count, 'text')}, each after its length in {LENGTH_BYTES} bytes"
        raise Invalid.at(f"{pointer}/parameters/binary_data_size", fault)
    return texts


def _is_nested(data: msgspec.Raw, pieces: Sequence[Piece] | None) -> bool:
    """Whether the data is a list of rows."""
    begin = bytes(memoryview(data)[:_PEEK_BYTES]) if pieces is None else b"[" + bytes(pieces[0].text[:_PEEK_BYTES])
    return _NESTED.match(begin) is not None


def _flat(tensor: Tensor, pointer: str, rows: Sequence[Sequence[Any]], first: int) -> list[Any]:
    """Return the values of rows; raise Invalid unless their width is that of the shape."""
    if len(tensor.shape) == 1:
        raise Invalid.at(f"{pointer}/data", f"data has rows, but the shape is {tensor.shape}")
    width = tensor.shape[1]
    for index, row in enumerate(rows, first):
        if len(row) != width:
            fault = f"the row has {counted(len(row), 'value')}, but the shape is {tensor.shape}"
            raise Invalid.at(f"{pointer}/data/{index}", fault)
    return [value for row in rows for value in row]
