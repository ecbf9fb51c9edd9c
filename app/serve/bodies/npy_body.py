"""Bodies in numpy's own format, application/x-npy: X of a prediction in, y out, never as numbers of Python."""

from __future__ import annotations

import io
import math
from typing import Annotated, Any

import msgspec
import numpy as np

from app.data.records import TableRecords
from app.errors import Invalid, Malformed
from app.schemas.query import Query, refuse_rest
from app.schemas.requests import Request
from app.schemas.tables import Matrix, Table
from app.serve.bodies.arrays import MAX_SIZE, check_shape, first_nonfinite, little_endian, matrix
from app.serve.bodies.query import take_request
from app.serve.bodies.reader import Body, Reader

NPY = "application/x-npy"
HEADER_BYTES = 4_096  # numpy's own headers have 128
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def parse_npy(body: Body, query: Query) -> Request:
    """Read X (n, p), or (n,) for n rows of one input, from the body, and everything else from the query.

    Float64 in C order is used without a copy. Raise Malformed for a body that isn't npy or has another size, Invalid
    for numbers of another kind, another shape, none at all, and any that isn't finite.
    """
    rest = dict(query)
    request = take_request("predict", rest)
    refuse_rest(rest)
    request.data = TableRecords(Table(_read(body)))
    return request


def encode_npy(y: Matrix) -> bytes:
    """Return the numbers as a npy file."""
    header = io.BytesIO()
    description = {"descr": "<f8", "fortran_order": False, "shape": y.shape}
    np.lib.format.write_array_header_1_0(header, description)
    return b"".join((header.getbuffer(), little_endian(y)))


def _read(body: Body) -> Matrix:
    head = io.BytesIO(bytes(body[:HEADER_BYTES]))
    shape, fortran_order, dtype = _header(head)
    if dtype.kind not in "fiu" or dtype.itemsize > np.dtype(np.float64).itemsize:
        raise Invalid.at("/data/X", f"X must hold floats or integers of at most 8 bytes, not {dtype.str[:64]!r}")
    check_shape(shape, "/data/X")
    at, count = head.tell(), math.prod(shape)
    if count * dtype.itemsize != len(body) - at:
        needed = f"{count} numbers of {dtype.itemsize} bytes"
        raise Malformed(f"the npy header announces {needed}, but {len(body) - at} bytes follow it")
    X = matrix(np.frombuffer(body, dtype, count, at).reshape(shape, order="F" if fortran_order else "C"))
    if odd := first_nonfinite(X):
        raise Invalid.at(f"/data/X/{odd[0]}/{odd[1]}", "every number must be finite")
    return X


def _header(head: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and type from the header; it is never evaluated to objects."""
    try:
        version = np.lib.format.read_magic(head)
        shape, fortran_order, dtype = _READERS[version](head, max_header_size=HEADER_BYTES)
    except Exception as error:  # the header is a literal of Python's: anything may be wrong with it
        wanted = f"npy of version 1.0 or 2.0 with a header of up to {HEADER_BYTES} bytes"
        raise Malformed(f"the body isn't {wanted}") from error
    if any(type(size) is not int or not 0 <= size <= MAX_SIZE for size in shape):
        raise Malformed(f"the npy header has the shape {str(shape)[:100]}")
    return shape, bool(fortran_order), dtype


READER = Reader(
    NPY,
    "npy",
    lambda _, body, query: parse_npy(body, query),
    holds_y=False,
    schema=Annotated[str, msgspec.Meta(extra_json_schema={"format": "binary"})],
)
