"""Tries an imported file out in a child process: loads it, predicts a sample, and measures its memory."""

from __future__ import annotations

import importlib
import signal
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from app.errors import Fault, Invalid
from app.model.dataframes import Array, default_names
from app.model.estimator import FittedModel
from app.model.imported.imported_estimator import (
    DISTRIBUTIONS,
    EXTRAS,
    HAS_PROBABILITIES,
    HELD_BYTES,
    MODULES,
    STACKS,
    TAKES_MISSING,
    open_model,
)
from app.model.imported.imported_model import Hints, ImportedModel, Input
from app.model.imported.trial_predictions import RAISED, NotPredicted, not_predicted, predicts, tried
from app.model.imported.trial_rows import Sample, TrialRows, chosen_rows, others, refuse_missing, refuse_texts
from app.model.isolation.resident_memory import resident_bytes
from app.schemas.columns import Column
from app.schemas.decoding import convert
from app.schemas.tasks import Format, Label, Stacks, Task


class TrialRequest(msgspec.Struct):
    """The request to try out a file."""

    classes: list[Label] | None = None
    task: Task | None = None
    columns: list[str] | None = None
    sample: Sample | None = None
    approved: list[str] = []
    strict: bool = False


class TrialResult(msgspec.Struct):
    """The findings of a model's trial."""

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
    """The state to store, in order to load it again."""
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
    """Return the TrialResult of a file as JSON values; raise Invalid for its faults.

    `limits` are TrialLimits.
    """
    asked = convert(request, TrialRequest, str_keys=True)  # JSON has no other keys
    load_library(form)
    end_s = time.monotonic() + signal.getitimer(signal.ITIMER_REAL)[0]
    if limits is not None:
        _allow(TrialLimits(*limits).load_s, end_s)
    started_s, before_bytes = time.monotonic(), resident_bytes()
    opened = _opened(Path(path), form, asked)
    load_s = time.monotonic() - started_s
    rows = _rows(opened, form, asked)
    if limits is not None:
        _allow(TrialLimits(*limits).predict_s, end_s)
    done = _predicted(opened, rows, asked.sample)
    model, outputs = done.model, done.outputs
    held_bytes = max(resident_bytes() - before_bytes, Path(path).stat().st_size)
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
        stacks=done.stacks,
        learned=_learned(opened, form, done, held_bytes),
        load_s=round(load_s, 4),
        rows=len(rows.X) if asked.sample is not None else 0,
        libraries=libraries_of(form),
        warnings=[*opened.warnings, *done.warnings],
    )
    return msgspec.to_builtins(result)


def _observed(model: FittedModel, X: Array) -> list[str]:
    """Let a model find out from rows what its file does not say; return warnings."""
    try:
        return model.observe(X) if isinstance(model, ImportedModel) else []
    except RAISED:  # the first prediction says it
        return []


def _allow(part_s: float, end_s: float) -> None:
    """End the process if the next part takes longer than a part of a trial may, or than the whole call."""
    signal.setitimer(signal.ITIMER_REAL, max(0.001, min(part_s, end_s - time.monotonic())))


class Tried(NamedTuple):
    """A model for certain columns; `outputs` is None if it predicts one number, or a label, for each row."""

    model: FittedModel
    outputs: int | None


class Opened(NamedTuple):
    """A loaded file: the columns that it needs, and the function that builds its model."""

    inputs: list[Input]
    named_inputs: bool
    tried: Callable[[TrialRows], Tried]
    warnings: list[str]
    takes_missing: bool = True


class Predicted(NamedTuple):
    """A model for certain columns that predicted their rows, and the warnings about its predictions."""

    model: FittedModel
    outputs: int | None
    stacks: Stacks
    warnings: list[str]


def _opened(path: Path, form: Format, asked: TrialRequest) -> Opened:
    hints = Hints(asked.classes, asked.task)
    if form != "skops":
        model = open_model(form, path.read_bytes(), hints, asked.approved)
        found = Tried(model, None if model.vector else model.outputs)
        return Opened(model.inputs, model.named_inputs, lambda _: found, [], model.takes_missing)
    from app.model.imported.skops_import import FoundEstimator, check_types, refuse_other_minor_version  # noqa: PLC0415

    check_types(path, asked.approved)
    estimator = FoundEstimator(path.read_bytes(), asked.approved, hints)
    if asked.strict:
        refuse_other_minor_version(estimator.warnings)

    def for_rows(rows: TrialRows) -> Tried:
        try:
            outputs = estimator.outputs(rows.columns, rows.X, rows.texts)
        except RAISED as error:
            raise not_predicted(error) from None
        return Tried(estimator.model("imported", rows.columns, outputs), outputs)

    return Opened(estimator.inputs, estimator.named_inputs, for_rows, estimator.warnings)


def _rows(opened: Opened, form: Format, asked: TrialRequest) -> TrialRows:
    """Return the rows to predict, of the sample or made up; raise Invalid if the model cannot take them."""
    rows = chosen_rows(opened.inputs, asked.columns, asked.sample, named=opened.named_inputs)
    if not opened.takes_missing:
        refuse_missing(rows)
    if form != "skops":  # a pipeline may take texts even if it names no columns
        refuse_texts(opened.inputs, rows.columns)
    return rows


def _predicted(opened: Opened, rows: TrialRows, sample: Sample | None) -> Predicted:
    """Predict the rows alone and together; raise NotPredicted, or Invalid if there is a sample."""
    try:
        model, outputs = opened.tried(rows)
        model = model.with_texts(rows.texts)
        warnings = _observed(model, rows.X)
        stacks = tried(model, rows.X, outputs=outputs, must_be_finite=sample is not None)
    except NotPredicted as error:
        raise error if sample is None else _sample_fault(error, opened, rows) from None
    return Predicted(model, outputs, stacks, warnings)


def _learned(opened: Opened, form: Format, done: Predicted, held_bytes: int) -> dict[str, Any]:
    """Return the state of a model to store, with the findings of its trial that a later load needs."""
    found = {**done.model.save().learned, HELD_BYTES: held_bytes, STACKS: done.stacks}
    if not opened.takes_missing:
        found[TAKES_MISSING] = False
    if form != "skops" and not done.model.has_probabilities:
        found[HAS_PROBABILITIES] = False
    return found


def _sample_fault(error: NotPredicted, opened: Opened, rows: TrialRows) -> Invalid:
    """Return the error for a sample that cannot be predicted; the file is at fault if other rows fail, too."""
    at_file = [] if any(_predicts(opened, each) for each in others(rows)) else error.faults
    words = error.detail.replace("it does not predict", "it does not predict the sample", 1)
    return Invalid(words, Fault("/sample", words), *at_file)


def _predicts(opened: Opened, rows: TrialRows) -> bool:
    try:
        return predicts(opened.tried(rows).model.with_texts(rows.texts), rows.X)
    except NotPredicted:
        return False


def load_library(form: Format) -> None:
    """Load the library of a format, which takes far longer than a file; raise Invalid if it is not installed."""
    name = MODULES[form]
    try:
        importlib.import_module(name)
    except ImportError:
        words = f"files of {form} need {name}; install Trinity with the extra `{EXTRAS[form]}`"
        raise Invalid.at("/format", words) from None


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
    """Return names for the outputs: files have none."""
    return default_names("y", outputs)
