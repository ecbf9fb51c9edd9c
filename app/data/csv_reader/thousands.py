"""Numbers such as 1.234 among whole numbers: the sign may be a thousands separator or a decimal sign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pyarrow.compute as pc

from app.data.csv_reader.columns import Parsed
from app.data.csv_reader.layout import Layout
from app.schemas.tables import Matrix

_WHOLE = "^[+-]?[0-9]+$"
_GROUPED = "^[+-]?[1-9][0-9]{0,2}([.,][0-9]{3})+$"
"""No zero before the sign: 0.125 is a fraction."""
_THOUSAND = 1000
_TOLERANCE = 1e-6  # of a thousandfold below a million, which floats represent to 1e-10
BLOCK_VALUES = 2**18
Indices: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]


def doubtful_columns(parsed: Parsed, layout: Layout) -> set[int]:
    """Return the positions of the columns of numbers that may be ambiguous; their text must be checked."""
    # a column of whole numbers may be ambiguous, too, such as 1.000
    ending = re.compile(rb"[%b]000(?![0-9])" % (layout.decimal or ".").encode())
    has_round_ones: bool | None = None
    found: set[int] = set()
    for group, matrix in zip(parsed.groups, parsed.matrices, strict=True):
        numeric = np.array([i for i, source in enumerate(group) if source not in parsed.texts], np.intp)
        for i, has_fractions in _alike(matrix, numeric):
            if not has_fractions and has_round_ones is None:
                has_round_ones = ending.search(layout.data) is not None
            if has_fractions or has_round_ones:
                found.add(group[i])
    return found


def _alike(matrix: Matrix, columns: Indices) -> Iterator[tuple[int, bool]]:
    """Yield the columns with whole numbers whose fractions are all of three digits and from 1 to 1000.

    Each is returned with whether it has such fractions. All columns are checked together, block by block.
    """
    has_whole, has_fractions = np.zeros((2, len(columns)), np.bool_)
    start = 0
    while start < len(matrix) and len(columns):
        block = matrix[start : start + max(1, BLOCK_VALUES // len(columns)), columns]
        with np.errstate(all="ignore"):
            whole = block == np.floor(block)
            fractions = np.isfinite(block) & ~whole
            size = np.abs(block)
            thousandfold = size * _THOUSAND
            like_thousands = (
                (size > 1) & (size < _THOUSAND) & (np.abs(thousandfold - np.rint(thousandfold)) < _TOLERANCE)
            )
        left = (like_thousands | ~fractions).all(axis=0)
        has_whole, has_fractions = (has_whole | whole.any(axis=0))[left], (has_fractions | fractions.any(axis=0))[left]
        columns = columns[left]
        start += len(block)
    return zip(columns[has_whole].tolist(), has_fractions[has_whole].tolist(), strict=True)


def doubtful_cell(cells: Any) -> str | None:
    """Return the first ambiguous cell of a column of numbers, if all others are ambiguous or whole and any is whole."""
    grouped = pc.match_substring_regex(cells, _GROUPED)
    whole = pc.match_substring_regex(cells, _WHOLE)
    if not (pc.any(whole).as_py() and pc.any(grouped).as_py() and pc.all(pc.or_(whole, grouped)).as_py()):
        return None
    cell: str = cells.filter(grouped)[0].as_py()
    return cell


def doubt(cell: str) -> str:
    """Return the error text, with advice, for an ambiguous cell."""
    sign = "decimal=comma" if "," in cell else "decimal=point"
    bare, fraction = re.sub("[.,]", "", cell), cell.replace(",", ".")
    return f"{cell} may be {bare} or {fraction}: say {sign}, or write {bare} without signs between thousands"
