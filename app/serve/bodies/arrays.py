"""Arrays: checks of those from bodies, and predictions as arrays for answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np

from app.errors import Invalid
from app.schemas.jobs import Job
from app.schemas.requests import Matrix, Targets
from app.serve.bodies.json_outline import LARGE_BYTES, NO_ARRAYS, outline
from app.serve.bodies.json_pieces import decoded_pieces

MAX_DIMENSIONS = 2
MAX_SIZE = 2**63 - 1  # of a dimension
BLOCK_VALUES = 2**18
Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class _Result(msgspec.Struct):
    y: Targets


_decode = msgspec.json.Decoder(_Result).decode
_decode_targets = msgspec.json.Decoder(Targets).decode
_Y = re.compile("/y")


def check_shape(shape: Sequence[int], pointer: str) -> None:
    """Raise Invalid unless it is (n, p), or (n,) for n rows of one input, with at least one of each."""
    if not 1 <= len(shape) <= MAX_DIMENSIONS:
        fault = f"X is of shape (n, p), or (n,) for one input; this one has {len(shape)} dimensions"
        raise Invalid.at(pointer, fault)
    if 0 in shape:
        raise Invalid.at(pointer, f"X is empty, its shape is {tuple(shape)}; it needs at least one row and one column")


def matrix(values: Array) -> Matrix:
    """Return (n, p) or (n,) numbers of any kind as a model takes them: float64 (n, p), in C order and aligned.

    Only what isn't so is copied.
    """
    return np.require(values.reshape(len(values), -1), dtype=np.float64, requirements=["C", "A"])


def first_nonfinite(X: Matrix) -> tuple[int, int] | None:
    """Return row and column of the first number that isn't finite; None if all are."""
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


def predictions(job: Job) -> Matrix:
    """Return y of a prediction that succeeded, to the bit, from the numbers themselves or from its result in JSON."""
    if job.array is not None:
        return job.array
    text, arrays = bytes(job.result or b""), NO_ARRAYS
    if len(text) > LARGE_BYTES:
        text, arrays, _ = outline(text, 2, _Y)
    if "/y" in arrays:
        pieces = decoded_pieces(_decode_targets, arrays["/y"], "/y")
        return np.concatenate([np.array(items, np.float64) for _, items in pieces])
    return np.array(_decode(text).y, dtype=np.float64)


def little_endian(y: Matrix) -> memoryview:
    """Return the bytes of an array in row-major order."""
    return np.ascontiguousarray(y, dtype="<f8").reshape(-1).view(np.uint8).data
