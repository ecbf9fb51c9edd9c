"""Predictions as CSV, the same from the service and on the command line."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from app.schemas.requests import Cell


def csv_of(kept: Mapping[str, Sequence[Cell]], outputs: Sequence[str], rows: Sequence[Sequence[float]]) -> str:
    """Return a table of kept columns and predictions (RFC 4180, with line feeds), each number to the bit."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*kept, *(f"{name}_predicted" if name in kept else name for name in outputs)])
    beside = list(zip(*kept.values(), strict=True)) or [()] * len(rows)
    writer.writerows([*map(_text, cells), *map(repr, row)] for cells, row in zip(beside, rows, strict=True))
    return out.getvalue()


def _text(cell: Cell) -> str:
    """Return a cell as it came: a whole number without a point, and nothing where a value is missing."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else str(cell)
