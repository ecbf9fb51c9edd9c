"""Writes predictions as CSV, the same in the service and on the command line."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from app.schemas.tables import Cell


def csv_of(result: Mapping[str, Any], outputs: Sequence[str]) -> str:
    """Return the result of a prediction as a table (RFC 4180, with line feeds), each number exact.

    Kept columns come first, then the predictions under the names of the outputs, then probabilities by class.
    """
    kept: Mapping[str, Sequence[Cell]] = result.get("kept", {})
    names, rows = _predicted(result, outputs)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*kept, *(f"{name}_predicted" if name in kept else name for name in names)])
    beside = list(zip(*kept.values(), strict=True)) or [()] * len(rows)
    writer.writerows([*map(_text, cells), *map(_exact, row)] for cells, row in zip(beside, rows, strict=True))
    return out.getvalue()


def _predicted(result: Mapping[str, Any], outputs: Sequence[str]) -> tuple[list[str], list[list[Any]]]:
    """Return the names and the rows of the predictions."""
    y, probabilities = result.get("y"), result.get("probabilities")
    names: list[str] = []
    rows: list[list[Any]] = [[] for _ in y or probabilities or ()]
    if y is not None:
        names += outputs
        rows = [row if isinstance(row, list) else [row] for row in y]
    if probabilities is not None:
        names += [f"probability({_text(label)})" for label in result["classes"]]
        rows = [[*row, *shares] for row, shares in zip(rows, probabilities, strict=True)]
    return names, rows


def _exact(value: float | str | bool) -> str:  # noqa: FBT001  a label
    return repr(value) if type(value) is float else _text(value)


def _text(cell: Cell) -> str:
    """Return a cell in its original form: a whole number without a point, and nothing for a missing value."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else str(cell)
