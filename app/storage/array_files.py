"""Named arrays as the bytes of one file, without pickle."""

from __future__ import annotations

import io
from typing import Any, TypeAlias

import numpy as np

Arrays: TypeAlias = dict[str, np.ndarray[Any, np.dtype[Any]]]


def pack_arrays(arrays: Arrays) -> memoryview:
    """Return the file of some arrays."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getbuffer()


def unpack_arrays(raw: bytes | memoryview) -> Arrays:
    """Return the arrays of a file."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}
