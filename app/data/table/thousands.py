"""Numbers such as 1.234 among whole ones, of which nobody can tell whether the sign is between thousands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow.compute as pc

from app.data.table.layout import Layout
from app.schemas.requests import Matrix

_WHOLE = "^[+-]?[0-9]+$"
_GROUPED = "^[+-]?[1-9][0-9]{0,2}([.,][0-9]{3})+$"
"""No zero before the sign: 0.125 is a fraction."""
_THOUSAND = 1000
_TOLERANCE = 1e-6  # of a thousandfold below a million, which floats hold to 1e-10
_FIRST_ROWS = 1000


def doubtful_columns(columns: Mapping[int, Matrix], layout: Layout) -> set[int]:
    """Return the positions of the columns of numbers that may be written so; their text has to be looked at."""
    # a column of whole numbers may be written so too, as 1.000
    ending = re.compile(rb"[%b]000(?![0-9])" % (layout.decimal or ".").encode())
    has_round_ones: bool | None = None
    found: set[int] = set()
    for position, values in columns.items():
        if not (_may_be_grouped(values[:_FIRST_ROWS]) and _may_be_grouped(values)):
            continue
        known = values[~np.isnan(values)]
        whole = known == np.floor(known)
        if whole.all():
            if has_round_ones is None:
                has_round_ones = ending.search(layout.data) is not None
            if not has_round_ones:
                continue
        if whole.any():
            found.add(position)
    return found


def _may_be_grouped(values: Matrix) -> bool:
    """Whether all fractions are of three digits, and from 1 to 1000."""
    with np.errstate(invalid="ignore"):
        fractions = np.abs(values[np.isfinite(values) & (values != np.floor(values))])
        thousandfold = fractions * _THOUSAND
        alike = (fractions > 1) & (fractions < _THOUSAND) & (np.abs(thousandfold - np.rint(thousandfold)) < _TOLERANCE)
    return bool(alike.all())


def doubtful_cell(cells: Any) -> str | None:
    """Return the first such cell of a column of numbers, if all others are such or whole, and any is whole."""
    grouped = pc.match_substring_regex(cells, _GROUPED)
    whole = pc.match_substring_regex(cells, _WHOLE)
    if not (pc.any(whole).as_py() and pc.any(grouped).as_py() and pc.all(pc.or_(whole, grouped)).as_py()):
        return None
    cell: str = cells.filter(grouped)[0].as_py()
    return cell


def doubt(cell: str) -> str:
    """Say that a cell may be either number, and what to do."""
    sign = "decimal=comma" if "," in cell else "decimal=point"
    bare, fraction = re.sub("[.,]", "", cell), cell.replace(",", ".")
    return f"{cell} may be {bare} or {fraction}: say {sign}, or write {bare} without signs between thousands"
