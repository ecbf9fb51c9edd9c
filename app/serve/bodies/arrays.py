"""Checks arrays from bodies, and converts predictions to arrays for responses."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
import numpy as np

from app.data.label_encoding import BEYOND
from app.errors import Invalid, NotAcceptable
from app.schemas.bodies import NO_JSON
from app.schemas.decoding import json_decoder
from app.schemas.jobs import Job
from app.schemas.requests import OUTPUTS, Y
from app.schemas.tables import Matrix, Targets
from app.serve.bodies.json_outline import LARGE_BYTES, NO_ARRAYS, outline
from app.serve.bodies.json_pieces import decoded_pieces

MAX_DIMENSIONS = 2
MAX_SIZE = 2**63 - 1  # of a dimension
BLOCK_VALUES = 2**18
Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


T = TypeVar("T")


class _Result(msgspec.Struct):
    y: msgspec.Raw = NO_JSON
    probabilities: msgspec.Raw = NO_JSON


_decode = json_decoder(_Result).decode
_decode_targets = json_decoder(Targets).decode
_decode_any = json_decoder(list[Any]).decode
_OUTPUTS = re.compile("/(y|probabilities)")


def check_shape(shape: Sequence[int], pointer: str) -> None:
    """Raise Invalid unless it is (n, p), or (n,) for n rows of one input, with at least one of each."""
    if not 1 <= len(shape) <= MAX_DIMENSIONS:
        fault = f"X is of shape (n, p), or (n,) for one input; this one has {len(shape)} dimensions"
        raise Invalid.at(pointer, fault)
    if 0 in shape:
        raise Invalid.at(pointer, f"X is empty, its shape is {tuple(shape)}; it needs at least one row and one column")


def matrix(values: Array) -> Matrix:
    """Return (n, p) or (n,) numbers of any kind in the form for a model: float64 (n, p), in C order and aligned.

    They are copied only if necessary.
    """
    return np.require(values.reshape(len(values), -1), dtype=np.float64, requirements=["C", "A"])


def first_nonfinite(X: Matrix) -> tuple[int, int] | None:
    """Return row and column of the first number that isn't finite; None if all are."""
    with np.errstate(all="ignore"):
        # a sum is the fastest check of all (einsum is twice as fast as sum); it may overflow if each is finite
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
    """Return the output of a prediction that succeeded, to the bit, from the numbers themselves or from JSON.

    Raise NotAcceptable for labels that are no numbers, or that float64 does not keep, and for more than one output.
    """
    if job.array is not None:
        return job.array
    try:
        found = [output(job, name, _decode_targets) for name in OUTPUTS]
    except (msgspec.ValidationError, Invalid):
        raise NotAcceptable("the labels of this model are no numbers; ask for JSON or CSV") from None
    given = [pieces for pieces in found if pieces is not None]
    if len(given) != 1:
        raise NotAcceptable("an array holds one output; ask for one of them, or for JSON or CSV")
    y = np.concatenate([np.array(items, np.float64) for items in given[0]])
    if y.ndim == 1 and np.abs(y).max(initial=0.0) >= BEYOND and any(map(_has_whole, output(job, Y, _decode_any) or [])):
        raise NotAcceptable("a label of this model is too large for an array of float64; ask for JSON or CSV")
    return y


def _has_whole(values: Sequence[Any]) -> bool:
    """Whether a whole number is among values as JSON has them: a label, as numbers that are predicted have a point."""
    return any(isinstance(value, int) for value in values)


def output(job: Job, name: str, decode: Callable[[bytes], Sequence[T]]) -> list[Sequence[T]] | None:
    """Return the items of one output of a prediction in pieces; None if it does not have it."""
    text, arrays = bytes(job.result or b""), NO_ARRAYS
    if len(text) > LARGE_BYTES:
        text, arrays, _ = outline(text, 2, _OUTPUTS)
    if (pointer := f"/{name}") in arrays:
        return [items for _, items in decoded_pieces(decode, arrays[pointer], pointer)]
    found: msgspec.Raw = getattr(_decode(text), name)
    return None if found == NO_JSON else [decode(bytes(found))]


def little_endian(y: Matrix) -> memoryview:
    """Return the bytes of an array in row-major order."""
    return np.ascontiguousarray(y, dtype="<f8").reshape(-1).view(np.uint8).data
