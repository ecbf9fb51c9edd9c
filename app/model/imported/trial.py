"""Tries an imported file out, in a child process: loads it, predicts a sample, and measures. Nothing of it stays."""

from __future__ import annotations

import importlib
import signal
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from app.errors import Invalid
from app.model.dataframes import Array, default_names
from app.model.estimator import FittedModel
from app.model.imported.imported_estimator import (
    DISTRIBUTIONS,
    EXTRAS,
    HELD_BYTES,
    MODULES,
    STACKS,
    TAKES_MISSING,
    open_model,
)
from app.model.imported.imported_model import Hints, Input
from app.model.imported.trial_predictions import RAISED, not_predicted, tried
from app.model.isolation.resident_memory import resident_bytes
from app.schemas.columns import Column
from app.schemas.tasks import Format, Label, Stacks, Task

MADE_UP_ROWS = 4


class Sample(msgspec.Struct):
    """Rows to try a model out with, as a table has them."""

    X: list[list[float | None]]
    columns: list[Column]
    named: bool = True
    unused: list[str] = []
    """The names of columns that are no inputs."""
    texts: dict[int, list[str]] = {}
    """The texts that codes in X stand for, by the position of the column."""


class TrialRequest(msgspec.Struct):
    """What a request says of a file."""

    classes: list[Label] | None = None
    task: Task | None = None
    columns: list[str] | None = None
    sample: Sample | None = None
    approved: list[str] = []
    strict: bool = False


class TrialResult(msgspec.Struct):
    """What was found out about a model."""

    task: Task
    classes: list[Label] | None
    columns: list[Column]
    named_inputs: bool
    unused: list[str]
    outputs: int
    vector: bool
    has_probabilities: bool
    stacks: Stacks
    learned: dict[str, Any]
    """What is to be kept to load it again."""
    load_s: float
    rows: int
    """How many rows of the sample it predicted; 0 if they were made up."""
    libraries: dict[str, str]
    warnings: list[str] = []


class TrialLimits(NamedTuple):
    """Seconds that parts of a trial may take, once the library is loaded; over them the process ends."""

    load_s: float
    predict_s: float


def run_trial(path: str, form: Format, request: dict[str, Any], limits: list[float] | None = None) -> Any:
    """Return the TrialResult of a file as JSON values; raise Invalid for what is wrong with it.

    `limits` are TrialLimits.
    """
    asked = msgspec.convert(request, TrialRequest, str_keys=True)  # JSON has no other
    load_library(form)
    end_s = time.monotonic() + signal.getitimer(signal.ITIMER_REAL)[0]
    if limits is not None:
        _allow(TrialLimits(*limits).load_s, end_s)
    started_s, before_bytes = time.monotonic(), resident_bytes()
    opened = _opened(Path(path), form, asked)
    load_s = time.monotonic() - started_s
    rows = chosen_rows(opened.inputs, asked, named=opened.named_inputs)
    if not opened.takes_missing:
        refuse_missing(rows)
    if limits is not None:
        _allow(TrialLimits(*limits).predict_s, end_s)
    tried_model = opened.tried(rows)
    model = tried_model.model.with_texts(rows.texts)
    outputs = tried_model.outputs
    stacks = tried(model, rows.X, outputs=outputs, must_be_finite=asked.sample is not None)
    learned = {HELD_BYTES: max(resident_bytes() - before_bytes, Path(path).stat().st_size), STACKS: stacks}
    if not opened.takes_missing:
        learned[TAKES_MISSING] = False
    named = asked.columns is not None or (asked.sample is not None and asked.sample.named)
    result = TrialResult(
        task=model.task,
        classes=model.classes,
        columns=rows.columns,
        named_inputs=opened.named_inputs or named,
        unused=rows.unused,
        outputs=outputs or 1,
        vector=outputs is None,
        has_probabilities=model.has_probabilities,
        stacks=stacks,
        learned={**model.save().learned, **learned},
        load_s=round(load_s, 4),
        rows=len(rows.X) if asked.sample is not None else 0,
        libraries=libraries_of(form),
        warnings=opened.warnings,
    )
    return msgspec.to_builtins(result)


def _allow(part_s: float, end_s: float) -> None:
    """End the process if what comes takes longer than a part of a trial may, or than the whole call."""
    signal.setitimer(signal.ITIMER_REAL, max(0.001, min(part_s, end_s - time.monotonic())))


class TrialRows(NamedTuple):
    """Rows to try a model with, and what is known of their columns."""

    columns: list[Column]
    X: Array
    texts: dict[int, list[str]]
    unused: list[str]


class Tried(NamedTuple):
    """A model for certain columns; `outputs` is None where it predicts one number, or a label, for each row."""

    model: FittedModel
    outputs: int | None


class Opened(NamedTuple):
    """A file that was loaded: the columns that it asks for, and what makes a model of it."""

    inputs: list[Input]
    named_inputs: bool
    tried: Callable[[TrialRows], Tried]
    warnings: list[str]
    takes_missing: bool = True


def _opened(path: Path, form: Format, asked: TrialRequest) -> Opened:
    hints = Hints(asked.classes, asked.task)
    if form != "skops":
        model = open_model(form, path.read_bytes(), hints, asked.approved)
        found = Tried(model, None if model.vector else model.outputs)
        return Opened(model.inputs, model.named_inputs, lambda _: found, [], model.takes_missing)
    from app.model.imported.skops_import import FoundEstimator, check_types, minor_versions_differ  # noqa: PLC0415

    check_types(path, asked.approved)
    estimator = FoundEstimator(path.read_bytes(), asked.approved, hints)
    if asked.strict and minor_versions_differ(estimator.warnings):
        raise Invalid.at("/strict", estimator.warnings[0])

    def for_rows(rows: TrialRows) -> Tried:
        try:
            outputs = estimator.outputs(rows.columns, rows.X, rows.texts)
        except RAISED as error:
            raise not_predicted(error) from None
        return Tried(estimator.model("imported", rows.columns, outputs), outputs)

    return Opened(estimator.inputs, estimator.named_inputs, for_rows, estimator.warnings)


def load_library(form: Format) -> None:
    """Load the library that runs a format, which takes far longer than a file; raise Invalid if it is not there."""
    name = MODULES[form]
    try:
        importlib.import_module(name)
    except ImportError:
        words = f"files of {form} need {name}; install Trinity with the extra `{EXTRAS[form]}`"
        raise Invalid.at("/format", words) from None


def chosen_rows(inputs: list[Input], asked: TrialRequest, *, named: bool) -> TrialRows:
    """Return the rows of the sample, or rows that are made up; raise Invalid for columns that are not the file's."""
    names = [each.name for each in inputs]
    if named and (len(set(names)) < len(names) or "" in names):
        raise Invalid.at("/file", "the file gives two columns the same name, or one none")
    if asked.columns is not None:
        if len(asked.columns) != len(names):
            raise Invalid.at("/columns", f"{len(asked.columns)} columns are named, the file takes {len(names)}")
        if named and asked.columns != names:
            raise Invalid.at("/columns", f"the file names its columns otherwise: {', '.join(names)[:500]}")
        names = asked.columns
    if asked.sample is None:
        columns = [Column(name, each.kind or "number") for name, each in zip(names, inputs, strict=True)]
        return TrialRows(
            columns, made_up(columns), {i: [""] for i, each in enumerate(columns) if each.kind == "text"}, []
        )
    X = np.array([[np.nan if cell is None else cell for cell in row] for row in asked.sample.X], np.float64)
    given = asked.sample.columns
    if not named and asked.columns is None:
        if len(given) != len(names):
            raise Invalid.at("/sample", f"the sample has {len(given)} columns, the file takes {len(names)}")
        return TrialRows([_open(column) for column in given], X, asked.sample.texts, asked.sample.unused)
    at = {column.name: i for i, column in enumerate(given)}
    if missing := [name for name in names if name not in at]:
        raise Invalid.at("/sample", f"the sample lacks columns that the file takes: {', '.join(missing)[:500]}")
    chosen = [at[name] for name in names]
    unused = [column.name for column in given if column.name not in set(names)]
    texts = {place: asked.sample.texts[i] for place, i in enumerate(chosen) if i in asked.sample.texts}
    columns = [_open(given[i]) for i in chosen]
    return TrialRows(columns, np.ascontiguousarray(X[:, chosen]), texts, [*asked.sample.unused, *unused])


def refuse_missing(rows: TrialRows) -> None:
    """Raise Invalid for the first missing value of a sample, where the model has no way for one."""
    missing = np.isnan(rows.X)
    if missing.any():
        row, column = divmod(int(missing.argmax()), missing.shape[1])
        name = rows.columns[column].name
        raise Invalid.at(
            "/sample", f"row {row}, column {name!r}: the value is missing, and the model takes none that is"
        )


def _open(column: Column) -> Column:
    """Return a column without the bounds of its values: those of a sample say nothing about the model."""
    return Column(column.name, column.kind, nullable=column.nullable)


def made_up(columns: list[Column]) -> Array:
    """Return rows of small numbers."""
    X = np.random.default_rng(0).normal(size=(MADE_UP_ROWS, len(columns)))
    whole = [i for i, column in enumerate(columns) if column.kind != "number"]
    X[:, whole] = 0
    return X


def libraries_of(form: Format) -> dict[str, str]:
    """Return the versions of the libraries that run a format."""
    found = {}
    for name in ("numpy", *DISTRIBUTIONS.get(form, ())):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def output_names(outputs: int) -> list[str]:
    """Return names for what is predicted: files have none."""
    return default_names("y", outputs)
