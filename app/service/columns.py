"""Match the columns of a request with those of the fit: put them into its order, or refuse them."""

from __future__ import annotations

import numpy as np

from app.data.table import split
from app.errors import Invalid
from app.schemas.requests import Matrix, Table
from app.storage.model_store import Schema


def require_y(table: Table) -> Matrix:
    """Return y; raise Invalid if it is missing or has another number of rows than X."""
    if table.y is None:
        raise Invalid.at("/data/y", "y is missing")
    if len(table.y) != len(table.X):
        raise Invalid.at("/data/y", f"X has {len(table.X)} rows, y has {len(table.y)}")
    return table.y


def check_width(width: int, schema: Schema, pointer: str) -> None:
    """Raise Invalid if X has another number of columns than in the fit."""
    if width != len(schema.inputs):
        raise Invalid.at(
            pointer, f"X has {width} columns, the model was fitted on {len(schema.inputs)}: {', '.join(schema.inputs)}"
        )


def align_inputs(table: Table, schema: Schema) -> Table:
    """Bring the inputs into the order of the fit; raise Invalid for names that are missing or unknown.

    If the table also holds the outputs by name, as the file of the fit does, they are split off first.
    """
    if table.inputs is None:
        check_width(table.X.shape[1], schema, "/data/X/0")
        return table
    if table.y is None and schema.named and set(schema.outputs) <= set(table.inputs):
        table = split(table.inputs, table.X, schema.outputs)
    if (names := table.inputs or []) == schema.inputs:
        return table
    given = set(names)
    missing = ", ".join(repr(name) for name in schema.inputs if name not in given)
    unknown = ", ".join(map(repr, sorted(given.difference(schema.inputs))))
    if missing or unknown:
        parts = [f"missing {missing}"] * bool(missing) + [f"unknown {unknown}"] * bool(unknown)
        raise Invalid.at(table.names_pointer, "columns don't match those of the fit: " + "; ".join(parts))
    order = [names.index(name) for name in schema.inputs]
    return Table(np.ascontiguousarray(table.X[:, order]), table.y, schema.inputs, table.outputs, table.names_pointer)


def align_outputs(table: Table, schema: Schema) -> Table:
    """Bring the outputs into the order of the fit; raise Invalid if there are others, or another number of them."""
    y = require_y(table)
    width = y.size // len(y)
    if width != len(schema.outputs):
        raise Invalid.at("/data/y", f"y has {width} columns, the model has {len(schema.outputs)} outputs")
    if not schema.named or table.outputs is None or table.outputs == schema.outputs:
        return table
    if set(table.outputs) != set(schema.outputs):
        raise Invalid.at("/target", f"the model was fitted to {', '.join(map(repr, schema.outputs))}")
    order = [table.outputs.index(name) for name in schema.outputs]
    return Table(table.X, np.ascontiguousarray(y[:, order]), table.inputs, schema.outputs, table.names_pointer)
