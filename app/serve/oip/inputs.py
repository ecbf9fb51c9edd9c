"""Inputs of inference requests as the data of predictions: one tensor of all columns, or one tensor per column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from app.data.records import ColumnRecords, TableRecords
from app.errors import Invalid
from app.schemas.tables import Cell, Matrix, Table
from app.serve.bodies.arrays import Array, first_nonfinite, matrix
from app.serve.bodies.json_outline import Arrays
from app.serve.bodies.reader import Body
from app.serve.oip.tensors import NUMERIC, Tensor, Values, check, from_bytes, from_json, not_finite

POINTER = "/inputs"


def read_records(tensors: Sequence[Tensor], arrays: Arrays, binary: Body | None) -> TableRecords | ColumnRecords:
    """Return the rows of one tensor of any name, or of several named like the columns; raise Invalid with a pointer.

    `arrays` are the long arrays of the JSON. `binary` is the part of the body after the JSON, None if there is none;
    aligned float64 in it is not copied.
    """
    values = _values(tensors, arrays, binary)
    names = None if len(tensors) == 1 else _names(tensors)
    if all(tensor.datatype in NUMERIC for tensor in tensors):
        tables = [_matrix(*each) for each in zip(tensors, values, range(len(tensors)), strict=True)]
        return TableRecords(Table(tables[0] if names is None else np.hstack(tables), inputs=names), POINTER)
    found = [_columns(*each) for each in zip(tensors, values, range(len(tensors)), strict=True)]
    columns = [column for each in found for column in each]
    return ColumnRecords(columns, names, POINTER, range(len(columns)))


def _values(tensors: Sequence[Tensor], arrays: Arrays, binary: Body | None) -> list[Values]:
    """Return the values of each tensor, row by row."""
    found: list[Values] = []
    offset = 0
    for index, tensor in enumerate(tensors):
        pointer = f"{POINTER}/{index}"
        check(tensor, pointer)
        size = (tensor.parameters or {}).get("binary_data_size")
        if size is None:
            found.append(from_json(tensor, pointer, arrays.get(f"{pointer}/data")))
        else:
            found.append(from_bytes(tensor, pointer, size, binary, offset))
            offset += cast("int", size)
    if binary is not None and offset != len(binary):
        raise Invalid.at(POINTER, f"{len(binary)} bytes follow the JSON, but the inputs have {offset}")
    return found


def _names(tensors: Sequence[Tensor]) -> list[str]:
    """Return the names of tensors that have one column each."""
    names: dict[str, None] = {}
    rows = tensors[0].shape[0]
    for index, tensor in enumerate(tensors):
        pointer = f"{POINTER}/{index}"
        if tensor.name in names:
            raise Invalid.at(f"{pointer}/name", f"the input {tensor.name[:64]!r} is given twice")
        if tensor.shape not in ([rows], [rows, 1]):
            fault = "a tensor for one column must have the shape [rows] or [rows, 1], with as many rows as the others"
            raise Invalid.at(f"{pointer}/shape", f"{fault}; send all columns in one tensor, or one each")
        names[tensor.name] = None
    return list(names)


def _matrix(tensor: Tensor, values: Values, index: int) -> Matrix:
    """Return numbers as (rows, columns); raise Invalid for one that is not finite."""
    with np.errstate(all="ignore"):
        array = matrix(cast("Array", values).reshape(tensor.shape))
    if position := first_nonfinite(array):
        raise not_finite(tensor, f"{POINTER}/{index}", *position)
    return array


def _columns(tensor: Tensor, values: Values, index: int) -> list[list[Cell]]:
    """Return the columns of a tensor as Python values."""
    if tensor.datatype in NUMERIC:
        return cast("list[list[Cell]]", _matrix(tensor, values, index).T.tolist())
    cells = cast("list[Cell]", values if isinstance(values, list) else values.tolist())
    width = len(cells) // tensor.shape[0]
    return [cells[column::width] for column in range(width)]
