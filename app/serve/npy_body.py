"""Bodies in numpy's own format, application/x-npy: X of a prediction in, y out, with no number taken into Python."""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

import msgspec
import numpy as np
from falcon import mediatypes
from falcon.asgi import Request as HttpRequest

from app.errors import Invalid, Malformed
from app.pointers import escaped
from app.schemas import Job, Matrix, Request, Table, Targets
from app.serve.query import take_request

NPY = "application/x-npy"
HEADER_BYTES = 4_096  # what numpy writes before numbers has 128
MAX_DIMENSIONS = 2
MAX_SIZE = 2**63 - 1  # of a dimension
SMALL_BYTES = 65_536
BLOCK_VALUES = 2**18
T = TypeVar("T")
Body: TypeAlias = bytes | bytearray | memoryview
_Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class _Result(msgspec.Struct):
    y: Targets


_decode = msgspec.json.Decoder(_Result).decode


def is_npy(req: HttpRequest) -> bool:
    """Whether the body is said to be npy."""
    return (req.content_type or "").partition(";")[0].strip().lower() == NPY


def prefers_npy(req: HttpRequest) -> bool:
    """Whether npy is named as what the answer should be, and JSON not preferred to it (RFC 9110 §12.5.1)."""
    accepted = req.accept.lower()
    if NPY not in accepted:
        return False
    try:
        quality = mediatypes.quality(NPY, accepted)
        return quality > 0 and quality >= mediatypes.quality("application/json", accepted)
    except ValueError:  # what can't be read says nothing
        return False


def parse_npy(body: Body, query: Mapping[str, str | list[str]]) -> Request:
    """Read X (n, p), or (n,) for n rows of one input, from the body, and all else from the query.

    Float64 in C order is taken as it lies in the body. Raise Malformed for what isn't npy or lies about its size,
    Invalid for numbers of another kind, another shape, none at all, and any that isn't finite.
    """
    rest = dict(query)
    request = take_request(rest)
    if rest:
        raise Invalid.at(escaped(next(iter(rest))), "unknown query parameter")
    request.table = Table(_read(body))
    return request


def encode_npy(y: Matrix) -> bytes:
    """Return the numbers as a npy file."""
    header = io.BytesIO()
    description = {"descr": "<f8", "fortran_order": False, "shape": y.shape}
    np.lib.format.write_array_header_1_0(header, description)
    return b"".join((header.getbuffer(), little_endian(y)))


async def as_npy(job: Job, pool: ThreadPoolExecutor) -> bytes:
    """Return y of a prediction that succeeded as a npy file, made in a thread where much is to be read from JSON."""
    return await off_loop(lambda: encode_npy(predictions(job)), pool, len(job.result or b""))


async def off_loop(call: Callable[[], T], pool: ThreadPoolExecutor, json_bytes: int) -> T:
    """Call, in a thread when so much JSON, read or written, takes longer than the hop to it."""
    return call() if json_bytes <= SMALL_BYTES else await asyncio.get_running_loop().run_in_executor(pool, call)


def predictions(job: Job) -> Matrix:
    """Return y of a prediction that succeeded, to the bit, from the numbers themselves or from its result in JSON."""
    if job.numbers is not None:
        return job.numbers
    return np.array(_decode(job.result or b"").y, dtype=np.float64)


def little_endian(y: Matrix) -> memoryview:
    """Return the bytes of an array in row-major order."""
    return np.ascontiguousarray(y, dtype="<f8").reshape(-1).view(np.uint8).data


def check_shape(shape: Sequence[int], pointer: str) -> None:
    """Raise Invalid unless it is (n, p), or (n,) for n rows of one input, with at least one of each."""
    if not 1 <= len(shape) <= MAX_DIMENSIONS:
        fault = f"X is of shape (n, p), or (n,) for one input; this one has {len(shape)} dimensions"
        raise Invalid.at(pointer, fault)
    if 0 in shape:
        raise Invalid.at(pointer, f"X is empty, its shape is {tuple(shape)}; it needs at least one row and one column")


def matrix(values: _Array) -> Matrix:
    """Return (n, p) or (n,) numbers of any kind as a model takes them: float64 (n, p), in C order and aligned.

    Only what isn't so is copied.
    """
    return np.require(values.reshape(len(values), -1), dtype=np.float64, requirements=["C", "A"])


def odd_place(X: Matrix) -> tuple[int, int] | None:
    """Return row and column of the first number that isn't finite; None when all are."""
    with np.errstate(all="ignore"):
        # a sum is the fastest look at all (einsum's is twice as fast as sum's); it may overflow where each is finite
        if np.isfinite(np.einsum("i->", X.reshape(-1))):
            return None
    step = max(1, BLOCK_VALUES // X.shape[1])
    for start in range(0, len(X), step):
        good = np.isfinite(X[start : start + step])
        if not good.all():
            row, column = divmod(int(good.argmin()), X.shape[1])
            return start + row, column
    return None


def _read(body: Body) -> Matrix:
    head = io.BytesIO(bytes(body[:HEADER_BYTES]))
    shape, fortran_order, dtype = _header(head)
    if dtype.kind not in "fiu" or dtype.itemsize > np.dtype(np.float64).itemsize:
        raise Invalid.at("/data/X", f"X is of floats or integers of up to 8 bytes, and not of {dtype.str[:64]!r}")
    check_shape(shape, "/data/X")
    at, count = head.tell(), math.prod(shape)
    if count * dtype.itemsize != len(body) - at:
        needed = f"{count} numbers of {dtype.itemsize} bytes"
        raise Malformed(f"the npy header tells of {needed}, {len(body) - at} bytes follow it")
    X = matrix(np.frombuffer(body, dtype, count, at).reshape(shape, order="F" if fortran_order else "C"))
    if odd := odd_place(X):
        raise Invalid.at(f"/data/X/{odd[0]}/{odd[1]}", "every number must be finite")
    return X


def _header(head: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and type as the header tells them; no object is ever made from it, whatever it tells."""
    try:
        version = np.lib.format.read_magic(head)
        shape, fortran_order, dtype = _READERS[version](head, max_header_size=HEADER_BYTES)
    except Exception as error:  # the header is a literal of Python's: anything may be wrong with it
        wanted = f"npy of version 1.0 or 2.0 with a header of up to {HEADER_BYTES} bytes"
        raise Malformed(f"the body isn't {wanted}") from error
    if any(type(size) is not int or not 0 <= size <= MAX_SIZE for size in shape):
        raise Malformed(f"the npy header tells of the shape {str(shape)[:100]}")
    return shape, bool(fortran_order), dtype
