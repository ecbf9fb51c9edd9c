"""The rows with which an imported file is tried out: those of its sample, or generated rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from app.errors import Invalid
from app.model.dataframes import Array
from app.model.imported.imported_model import Input
from app.model.imported.trial_predictions import MAX_ALONE_ROWS
from app.schemas.columns import Column

MADE_UP_ROWS = 4
MAX_NAME_CHARACTERS = 1000


class Sample(msgspec.Struct):
    """Rows of a table to try a model out with."""

    X: list[list[float | None]]
    columns: list[Column]
    named: bool = True
    unused: list[str] = []
    """The names of columns that are not inputs."""
    texts: dict[int, list[str]] = {}
    """The texts of the codes in X, by the position of the column."""
    written: dict[int, list[str | None]] = {}
    """The cells of the columns that were not read as texts, by the position of the column."""


class TrialRows(NamedTuple):
    """Rows to try a model with, and the facts about their columns."""

    columns: list[Column]
    X: Array
    texts: dict[int, list[str]]
    unused: list[str]
    examples: list[str | float | None]
    """A value of each column that the file knows."""


def chosen_rows(inputs: list[Input], asked: list[str] | None, sample: Sample | None, *, named: bool) -> TrialRows:
    """Return the rows of the sample, or generated rows; raise Invalid for columns that are not the file's.

    `asked` are the names of columns that the request gives.
    """
    names = _names(inputs, asked, named=named)
    examples = [each.example for each in inputs]
    if sample is None:
        return made_up(
            [Column(name, each.kind or "number") for name, each in zip(names, inputs, strict=True)], examples
        )
    X = np.array([[np.nan if cell is None else cell for cell in row] for row in sample.X], np.float64)
    chosen, unused = _places(names, sample, by_name=named or asked is not None)
    texts = {place: sample.texts[i] for place, i in enumerate(chosen) if i in sample.texts}
    columns = [_open(sample.columns[i]) for i in chosen]
    rows = TrialRows(columns, np.ascontiguousarray(X[:, chosen]), texts, [*sample.unused, *unused], examples)
    for place, (i, each) in enumerate(zip(chosen, inputs, strict=True)):
        if each.kind == "text" and i in sample.written:
            _take_as_written(rows, place, sample.written[i])
    return rows


def _names(inputs: list[Input], asked: list[str] | None, *, named: bool) -> list[str]:
    """Return the names of the columns: those of the file, or else those that the request gives."""
    names = [each.name for each in inputs]
    if named and (len(set(names)) < len(names) or "" in names):
        raise Invalid.at("/file", "the file gives two columns the same name, or one none")
    if named and any(len(name) > MAX_NAME_CHARACTERS or "\0" in name for name in names):
        raise Invalid.at("/file", f"the name of a column has more than {MAX_NAME_CHARACTERS} characters, or a NUL")
    if asked is None:
        return names
    if len(asked) != len(names):
        raise Invalid.at("/columns", f"{len(asked)} columns are named, the file takes {len(names)}")
    if named and asked != names:
        raise Invalid.at("/columns", f"the file names its columns otherwise: {', '.join(names)[:500]}")
    return asked


def _places(names: list[str], sample: Sample, *, by_name: bool) -> tuple[list[int], list[str]]:
    """Return the positions of the columns in a sample, and the names of its other columns."""
    given = [column.name for column in sample.columns]
    if not by_name:
        if len(given) != len(names):
            raise Invalid.at("/sample", f"the sample has {len(given)} columns, the file takes {len(names)}")
        return list(range(len(names))), []
    at = {name: i for i, name in enumerate(given)}
    if missing := [name for name in names if name not in at]:
        raise Invalid.at("/sample", f"the sample lacks columns that the file takes: {', '.join(missing)[:500]}")
    return [at[name] for name in names], [name for name in given if name not in set(names)]


def _take_as_written(rows: TrialRows, place: int, cells: list[str | None]) -> None:
    """Make a column one of texts, though all of its cells look like numbers, times or truth values."""
    texts = sorted({cell for cell in cells if cell is not None})
    codes = {text: float(code) for code, text in enumerate(texts)}
    rows.X[:, place] = [np.nan if cell is None else codes[cell] for cell in cells]
    rows.texts[place] = texts
    rows.columns[place] = Column(rows.columns[place].name, "text", nullable=None in cells)


def refuse_missing(rows: TrialRows) -> None:
    """Raise Invalid for the first missing value of a sample, if the model does not handle missing values."""
    missing = np.isnan(rows.X)
    if missing.any():
        row, column = divmod(int(missing.argmax()), missing.shape[1])
        name = rows.columns[column].name
        raise Invalid.at(
            "/sample", f"row {row}, column {name!r}: the value is missing, and the model takes none that is"
        )


def _open(column: Column) -> Column:
    """Return a column without the bounds of its values: a sample's bounds are not the model's."""
    return Column(column.name, column.kind, nullable=column.nullable)


def made_up(columns: list[Column], examples: Sequence[str | float | None]) -> TrialRows:
    """Return rows of the values that the file knows; of small numbers, and empty texts, where it knows none."""
    X = np.random.default_rng(0).normal(size=(MADE_UP_ROWS, len(columns)))
    texts: dict[int, list[str]] = {}
    for i, (column, example) in enumerate(zip(columns, examples, strict=True)):
        if column.kind == "text":
            X[:, i], texts[i] = 0, [example if isinstance(example, str) else ""]
        elif isinstance(example, float):
            X[:, i] = example
        elif column.kind != "number":
            X[:, i] = 0
    return TrialRows(columns, X, texts, [], list(examples))


def others(rows: TrialRows) -> Iterator[TrialRows]:
    """Yield rows similar to a sample: generated rows, then the first rows of the sample one by one."""
    yield made_up(rows.columns, rows.examples)
    for i in range(min(len(rows.X), MAX_ALONE_ROWS)):
        yield rows._replace(X=rows.X[i : i + 1])


def refuse_texts(inputs: list[Input], columns: list[Column]) -> None:
    """Raise Invalid for the first column of texts if the file takes numbers: codes would be taken for numbers."""
    for each, column in zip(inputs, columns, strict=True):
        if column.kind == "text" and each.kind not in {None, "text"}:
            raise Invalid.at("/sample", f"column {column.name!r} holds texts, where the file takes numbers")
