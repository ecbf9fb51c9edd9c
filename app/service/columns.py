"""Facts about the columns of a fit, and checks of y and the weights of the rows."""

from __future__ import annotations

import numpy as np

from app.data.cells import rfc3339
from app.errors import Invalid
from app.model.dataframes import default_names
from app.schemas.columns import MAX_CATEGORIES, Column, Kind
from app.schemas.tables import Matrix, Table
from app.schemas.wording import counted
from app.storage.manifest import Schema

BLOCK_VALUES = 2**18


def require_y(table: Table) -> Matrix:
    """Return y; raise Invalid if it is missing or has another number of rows than X."""
    if table.y is None:
        raise Invalid.at("/data/y", "y is missing")
    if len(table.y) != len(table.X):
        raise Invalid.at("/data/y", f"X has {counted(len(table.X), 'row')}, y has {len(table.y)}")
    return table.y


def check_weight(table: Table) -> None:
    """Raise Invalid unless there are no weights, or one for each row: not negative, and not all zero."""
    weight = table.weight
    if weight is None:
        return
    pointer = "/data/sample_weight"
    if len(weight) != len(table.X):
        raise Invalid.at(pointer, f"X has {counted(len(table.X), 'row')}, sample_weight has {len(weight)}")
    if (weight < 0).any():
        row = int((weight < 0).argmax())
        raise Invalid.at(f"{pointer}/{row}", f"row {row}: the weight {weight[row]:g} is negative")
    if not weight.any():
        raise Invalid.at(pointer, "every weight is zero")


def align_outputs(table: Table, schema: Schema) -> Matrix:
    """Return y in the order of the fit; raise Invalid if it has other columns, or another number of them."""
    if table.y is None:
        fitted = f"the model was fitted to {', '.join(map(repr, schema.outputs))}"
        known = fitted if schema.named else "in a table, target names its columns"
        raise Invalid.at("/data/y", f"y is missing; {known}")
    y = require_y(table)
    width = y.size // len(y)
    if width != len(schema.outputs):
        fitted = counted(len(schema.outputs), "output")
        raise Invalid.at("/data/y", f"y has {counted(width, 'column')}, the model has {fitted}")
    if not schema.named or table.outputs is None or table.outputs == schema.outputs:
        return y
    if set(table.outputs) != set(schema.outputs):
        raise Invalid.at("/target", f"the model was fitted to {', '.join(map(repr, schema.outputs))}")
    return np.ascontiguousarray(y[:, [table.outputs.index(name) for name in schema.outputs]])


def learn_schema(table: Table) -> Schema:
    """Return the facts about the columns of a fit."""
    y = require_y(table)
    names = table.inputs or default_names("x", table.X.shape[1])
    kinds = table.kinds or ["number"] * len(names)
    return Schema(
        inputs=names,
        outputs=table.outputs or default_names("y", 1 if y.ndim == 1 else y.shape[1]),
        vector=y.ndim == 1,
        named=table.outputs is not None,
        named_inputs=table.inputs is not None and table.named,
        columns=[
            _column(name, kind, table.X[:, position], table.categories.get(position))
            for position, (name, kind) in enumerate(zip(names, kinds, strict=True))
        ],
        unused=table.unused,
    )


def _column(name: str, kind: Kind, values: Matrix, categories: list[str] | None) -> Column:
    known = values[~np.isnan(values)]
    nullable = len(known) < len(values)
    if kind == "text":
        kept = categories if categories is not None and len(categories) <= MAX_CATEGORIES else None
        return Column(name, kind, nullable, categories=kept)
    if kind == "boolean" or not len(known):
        return Column(name, kind, nullable)
    least, most = float(known.min()), float(known.max())
    if kind == "datetime":
        return Column(name, kind, nullable, rfc3339(least), rfc3339(most))
    return Column(name, "integer" if _are_whole(known) else "number", nullable, least, most)


def _are_whole(values: Matrix) -> bool:
    starts = range(0, len(values), BLOCK_VALUES)
    return all(bool((np.rint(block) == block).all()) for block in (values[i : i + BLOCK_VALUES] for i in starts))
