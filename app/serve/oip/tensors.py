"""Tensors of an inference request, from JSON or from the bytes after it, as a table for a model."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from app.errors import Invalid
from app.schemas.pointers import located
from app.schemas.requests import Matrix, Table
from app.schemas.wording import counted
from app.serve.bodies.arrays import MAX_SIZE, Array, check_shape, first_nonfinite, matrix
from app.serve.bodies.reader import Body

X = "X"
"""The name of the tensor that holds all inputs."""
DTYPES: dict[str, np.dtype[Any]] = {
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
}
Parameters: TypeAlias = dict[str, Any] | None
_Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
_Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_NUMBERS: dict[str, Any] = {"FP32": float, "FP64": float, "INT32": _Int32, "INT64": _Int64}
_FLAT = {name: msgspec.json.Decoder[Any](list[kind]) for name, kind in _NUMBERS.items()}  # type: ignore[valid-type]
_ROWS = {name: msgspec.json.Decoder[Any](list[list[kind]]) for name, kind in _NUMBERS.items()}  # type: ignore[valid-type]
_NESTED = re.compile(rb"\s*\[\s*\[")
_PEEK_BYTES = 1_000


class Tensor(msgspec.Struct):
    """One input; its numbers are in `data`, or are `binary_data_size` bytes after the JSON."""

    name: str
    shape: list[Annotated[int, Meta(ge=0, le=MAX_SIZE)]]
    datatype: str
    parameters: Parameters = None
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def read_table(tensors: Sequence[Tensor], binary: Body | None) -> Table:
    """Return the tensor X, or one tensor for each column, as a table; raise Invalid with a pointer.

    `binary` is the part of the body after the JSON, None when the request has no such part. Aligned float64 in it is
    not copied.
    """
    arrays, offset = [], 0
    for index, tensor in enumerate(tensors):
        pointer = f"/inputs/{index}"
        _check(tensor, pointer)
        size = (tensor.parameters or {}).get("binary_data_size")
        if size is None:
            values = _from_json(tensor, pointer)
        else:
            values = _from_bytes(tensor, pointer, size, binary, offset)
            offset += values.nbytes
        with np.errstate(all="ignore"):
            array = matrix(values.reshape(tensor.shape))
        if position := first_nonfinite(array):
            raise _not_finite(tensor, pointer, *position)
        arrays.append(array)
    if binary is not None and offset != len(binary):
        raise Invalid.at("/inputs", f"{len(binary)} bytes follow the JSON, but the inputs have {offset}")
    if len(tensors) == 1 and tensors[0].name == X:
        return Table(arrays[0])
    return _columns(tensors, arrays)


def parameter(parameters: Parameters, name: str, pointer: str) -> bool | None:
    """Return a parameter that is true or false, None when it is absent; raise Invalid for any other value."""
    value = (parameters or {}).get(name)
    if value is not None and not isinstance(value, bool):
        raise Invalid.at(f"{pointer}/parameters/{name}", f"{name} must be true or false")
    return value


def _check(tensor: Tensor, pointer: str) -> None:
    if tensor.datatype not in DTYPES:
        fault = f"datatype {tensor.datatype[:32]!r} is not supported; send one of {', '.join(DTYPES)}"
        raise Invalid.at(f"{pointer}/datatype", fault)
    check_shape(tensor.shape, f"{pointer}/shape")
    if "shared_memory_region" in (tensor.parameters or {}):
        raise Invalid.at(f"{pointer}/parameters/shared_memory_region", "shared memory is not supported; send the data")


def _from_bytes(tensor: Tensor, pointer: str, size: object, binary: Body | None, offset: int) -> Array:
    at = f"{pointer}/parameters/binary_data_size"
    if binary is None:
        raise Invalid.at(at, "binary data needs the header Inference-Header-Content-Length")
    if tensor.data is not msgspec.UNSET:
        raise Invalid.at(f"{pointer}/data", "the tensor has both data and binary_data_size; send one of them")
    dtype, count = DTYPES[tensor.datatype], math.prod(tensor.shape)
    needed = count * dtype.itemsize
    if type(size) is not int or size != needed:
        raise Invalid.at(at, f"binary_data_size must be {needed}, as the shape and datatype say")
    if needed > len(binary) - offset:
        raise Invalid.at(at, f"the tensor has {needed} bytes, but only {len(binary) - offset} are left in the body")
    return np.frombuffer(binary, dtype, count, offset)


def _from_json(tensor: Tensor, pointer: str) -> Array:
    if tensor.data is msgspec.UNSET:
        raise Invalid.at(pointer, "the tensor has neither data nor binary_data_size")
    nested = _is_nested(tensor.data)
    try:
        numbers = (_ROWS if nested else _FLAT)[tensor.datatype].decode(tensor.data)
    except msgspec.ValidationError as error:
        raise located(error, bytes(tensor.data), f"{pointer}/data") from None
    if nested:
        numbers = _flat(tensor, pointer, numbers)
    elif len(numbers) != math.prod(tensor.shape):
        raise Invalid.at(f"{pointer}/data", f"there are {len(numbers)} numbers, but the shape is {tensor.shape}")
    with np.errstate(all="ignore"):  # a number beyond float32 becomes infinite, and is refused later
        return np.array(numbers, DTYPES[tensor.datatype])


def _is_nested(data: msgspec.Raw) -> bool:
    """Whether the data is a list of rows."""
    return _NESTED.match(bytes(memoryview(data)[:_PEEK_BYTES])) is not None


def _not_finite(tensor: Tensor, pointer: str, row: int, column: int) -> Invalid:
    """Return the error for a number; its pointer leads into rows or a flat list, and to the tensor for binary data."""
    if tensor.data is msgspec.UNSET:
        return Invalid.at(pointer, f"every number must be finite; the one at row {row}, column {column} is not")
    step = f"{row}/{column}" if _is_nested(tensor.data) else str(row * math.prod(tensor.shape[1:]) + column)
    return Invalid.at(f"{pointer}/data/{step}", "every number must be finite")


def _flat(tensor: Tensor, pointer: str, rows: list[list[float]]) -> list[float]:
    if len(tensor.shape) == 1 or len(rows) != tensor.shape[0]:
        raise Invalid.at(f"{pointer}/data", f"data has {counted(len(rows), 'row')}, but the shape is {tensor.shape}")
    for index, row in enumerate(rows):
        if len(row) != tensor.shape[1]:
            fault = f"the row has {counted(len(row), 'number')}, but the shape is {tensor.shape}"
            raise Invalid.at(f"{pointer}/data/{index}", fault)
    return [number for row in rows for number in row]


def _columns(tensors: Sequence[Tensor], arrays: Sequence[Matrix]) -> Table:
    """Return the tensors side by side; each is named as a column of the fit."""
    names: dict[str, None] = {}
    for index, (tensor, array) in enumerate(zip(tensors, arrays, strict=True)):
        pointer = f"/inputs/{index}"
        if tensor.name in names:
            raise Invalid.at(f"{pointer}/name", f"the input {tensor.name[:64]!r} is given twice")
        if array.shape != (len(arrays[0]), 1):
            fault = "a tensor for one column must have the shape [rows] or [rows, 1], with as many rows as the others"
            raise Invalid.at(f"{pointer}/shape", f"{fault}; send all columns in one tensor named {X}, or one each")
        names[tensor.name] = None
    return Table(np.hstack(arrays), inputs=list(names))
