"""The inputs of an ONNX graph as columns of a table, and the conversion of these columns to its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.errors import Invalid
from app.model.dataframes import Array
from app.model.imported.imported_model import Input, numbered
from app.schemas.columns import Kind

INTEGERS = {
    f"tensor({kind.__name__})": kind
    for kind in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
}
FLOATS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
BOOLEAN, TEXT = "tensor(bool)", "tensor(string)"
_KINDS: dict[str, tuple[Kind, Any]] = {
    **{name: ("number", kind) for name, kind in FLOATS.items()},
    **{name: ("integer", kind) for name, kind in INTEGERS.items()},
    BOOLEAN: ("boolean", np.bool_),
    TEXT: ("text", np.object_),
}
MAX_WIDTH = 1_000_000
MAX_FIXED_ROWS = 4096
"""Rows of a graph that takes only so many at once; fewer are filled up."""


class Feed:
    """An input of a graph: the number of its columns and their type."""

    def __init__(self, name: str, kind: str, shape: Sequence[Any]) -> None:
        if kind not in _KINDS or len(shape) > 2:  # noqa: PLR2004  rows, and columns
            raise Invalid.at("/file", f"the input {name[:64]!r} of the ONNX file is no table of numbers or texts")
        self.name = name
        self.rows: int | None = shape[0] if shape and isinstance(shape[0], int) else None
        """The number of rows that it takes at once; None for any."""
        self.kind, self._type = _KINDS[kind]
        self._is_flat = len(shape) == 1
        width = 1 if self._is_flat else shape[1] if shape else None
        if self._is_flat and self.rows not in {None, 1}:
            takes = f"takes {self.rows} values without a dimension for rows"
            raise Invalid.at("/file", f"the input {name[:64]!r} of the ONNX file {takes}; export it as (rows, columns)")
        if not isinstance(width, int) or not 0 < width <= MAX_WIDTH:
            raise Invalid.at(
                "/file", f"the input {name[:64]!r} of the ONNX file does not say how many columns it takes"
            )
        self.width = width

    def texts(self, X: Array, texts: Sequence[Sequence[str]]) -> Any:
        """Return columns of codes as their texts; a missing text is empty."""
        columns = [
            np.array([*known, ""], dtype=object)[np.where(np.isnan(codes), len(known), codes).astype(np.intp)]
            for codes, known in zip(X.T, texts, strict=True)
        ]
        return columns[0] if self._is_flat else np.column_stack(columns)

    def array(self, X: Array) -> Any:
        """Return columns of a table in the graph's type; raise ValueError for values beyond that type."""
        if not issubclass(self._type, np.inexact):
            least, most = (0, 1) if self._type is np.bool_ else (np.iinfo(self._type).min, np.iinfo(self._type).max)
            whole = (np.rint(X) == X) & (float(least) <= X) & (float(most + 1) > X)
            if not whole.all():
                row = int((~whole.all(axis=1)).argmax())
                raise ValueError(
                    f"row {row}: the input {self.name!r} takes whole numbers of its type, and none may be missing"
                )
        array = np.ascontiguousarray(X).astype(self._type)
        return array.ravel() if self._is_flat else array


def columns_of(feeds: Sequence[Feed]) -> list[Input]:
    """Return the columns of all inputs: several inputs name theirs."""
    if len(feeds) == 1:
        return [each._replace(kind=feeds[0].kind) for each in numbered(feeds[0].width)]
    return [
        Input(feed.name if feed.width == 1 else f"{feed.name}_{i + 1}", feed.kind)
        for feed in feeds
        for i in range(feed.width)
    ]


def fixed_rows(feeds: Sequence[Feed]) -> int | None:
    """Return the number of rows that a graph takes at once, None for any; raise Invalid if its inputs differ in it."""
    found = {feed.rows for feed in feeds} - {None}
    if len(found) > 1 or any(not 0 < rows <= MAX_FIXED_ROWS for rows in found if rows is not None):
        counts = ", ".join(map(str, sorted(found, key=str)))
        raise Invalid.at("/file", f"the inputs of the ONNX file take {counts} rows at once; export them for any number")
    return found.pop() if found else None
