"""The requirements of the contract of models, one function each; they run in an isolated process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec
import numpy as np

from app.model.agreement import differing_row
from app.model.estimator import FittedModel
from app.schemas.tables import Matrix
from app.schemas.wording import counted
from app.service.contract.findings import SEED, Finding
from app.service.contract.measured_checks import best_s, check_memory, load_time
from app.service.contract.printing_check import check_printing
from app.service.contract.restore_check import check_restore
from app.service.contract.stacking_check import check_stacking
from app.service.contract.subject import Case
from app.service.contract.trying import tried
from app.service.evaluation import evaluate_model
from app.service.model_calls import predict_model

Check: TypeAlias = Callable[[Case], list[Finding]]
MANY_ROWS = 1000
REPEAT = "predict must draw no random numbers and change nothing of the model: each process restores one of its own"
COPY = "work on a copy (X = X.copy()): the service goes on to use these rows"
WARNED = "it is in the warnings of each fit to such rows, and of its version"


def check_fit(case: Case) -> list[Finding]:
    """Fit to the rows and compare the predictions with their y."""
    started_s = time.perf_counter()
    fit = case.fit_aloud()
    took_ms = 1000 * (time.perf_counter() - started_s)
    model = fit.model.with_texts(case.table.categories)
    X, y = case.table.X, case.data.y
    metrics = evaluate_model(model, X, y, case.table.weight, case.schema).metrics
    name, value = next(iter(metrics.items()))
    found = f"{counted(len(X), 'row')}, {counted(X.shape[1], 'input')}: {took_ms:.3g} ms, {name} {_number(value)}"
    said = [*model.warnings(), *fit.warnings]
    return [Finding("fit", "ok", found), *(Finding("fit", "warning", text, WARNED) for text in said)]


def check_determinism(case: Case) -> list[Finding]:
    """Fit twice and compare what the two models predict."""
    first, second = (case.predict(case.fitted()) for _ in range(2))
    if np.array_equal(first, second):
        return [Finding("determinism", "ok", "two fits predict the same to the last bit")]
    if case.table.labels is not None:
        found = f"two fits predict {counted(int((first != second).sum()), 'label')} otherwise"
    else:
        found = f"two fits predict otherwise by up to {np.abs(first - second).max():.3g}"
    found += f", the most for row {differing_row(first, second)}"
    return [Finding("determinism", "warning", found, SEED)]


def check_repetition(case: Case) -> list[Finding]:
    """Predict the same rows twice with one model."""
    model = case.fitted()
    first, second = (case.predict(model) for _ in range(2))
    if np.array_equal(first, second):
        return [Finding("repetition", "ok", "the same rows are predicted the same again")]
    found = f"the same rows are predicted otherwise at a second call, such as row {differing_row(first, second)}"
    return [Finding("repetition", "failed", found, REPEAT)]


def check_untouched(case: Case) -> list[Finding]:
    """Fit and predict, and check that the rows are unchanged."""
    X, y = case.table.X.copy(), case.data.y.copy()
    model = case.fitted()
    by = [] if np.array_equal(case.table.X, X, equal_nan=True) and np.array_equal(case.data.y, y) else ["fit"]
    given = X.copy()
    predict_model(model, given, case.schema)
    by += [] if np.array_equal(given, X, equal_nan=True) else ["predict"]
    if by:
        return [Finding("rows", "failed", f"changed by {' and '.join(by)}", COPY)]
    return [Finding("rows", "ok", "left as they are by fit and predict")]


def check_width(case: Case) -> list[Finding]:
    """Predict rows with one column too many."""
    X = np.hstack([case.table.X, case.table.X[:, :1]])
    if case.estimator.format != "arrays":
        return [Finding("wrong width", "ok", "the service refuses it")]
    found = tried("wrong width", lambda: case.fitted().predict(X), "predicted", "the service refuses it before")
    if found.figure == "predicted":
        return [Finding("wrong width", "warning", "predicted", "raise ValueError for another number of columns")]
    return [found]


def check_missing(case: Case) -> list[Finding]:
    """Predict a row with a missing value, which the service passes only to models that accept it."""
    X = case.table.X.copy()
    X[0, 0] = np.nan
    model = case.fitted()
    if case.estimator.takes_missing:
        return [tried("missing value", lambda: model.predict(X), "predicted")]
    return [tried("missing value", lambda: model.predict(X), "predicted", "the service refuses it before")]


def check_text(case: Case) -> list[Finding]:
    """Fit to rows with a column of text."""
    table, position = case.table, case.table.X.shape[1]
    codes = np.arange(len(table.X), dtype=np.float64)[:, np.newaxis] % 2
    mixed = msgspec.structs.replace(
        table,
        X=np.hstack([table.X, codes]),
        inputs=[*(column.name for column in case.schema.columns), "text"],
        kinds=[*(table.kinds or ["number"] * position), "text"],
        categories={**table.categories, position: ["a", "b"]},
    )
    return [tried("text column", lambda: _used(case.to(mixed)), "fitted")]


def check_constant(case: Case) -> list[Finding]:
    """Fit to one value of y, or to one class."""
    y = np.zeros_like(case.data.y) if case.table.labels else np.ones_like(case.data.y)
    labels = case.table.labels[:1] if case.table.labels else None
    name = "one value of y" if labels is None else "one class"
    table = msgspec.structs.replace(case.table, y=y, labels=labels)
    return [tried(name, lambda: _used(case.to(table)), "fitted")]


def check_speed(case: Case) -> list[Finding]:
    """Measure the time to restore the model, and to predict one row and many."""
    model, table = case.fitted(), case.table
    many = table.X[np.resize(np.arange(len(table.X)), MANY_ROWS)]
    return [
        load_time(case, model),
        Finding("predict 1 row", "ok", f"{_row_us(model, table.X[:1]):.3g} µs a row"),
        Finding("predict 1,000 rows", "ok", f"{_row_us(model, many):.3g} µs a row"),
    ]


CHECKS: Mapping[str, Check] = {
    "fit": check_fit,
    "restore": check_restore,
    "determinism": check_determinism,
    "stacking": check_stacking,
    "repetition": check_repetition,
    "rows": check_untouched,
    "printing": check_printing,
    "wrong width": check_width,
    "missing value": check_missing,
    "text column": check_text,
    "constant y": check_constant,
    "memory": check_memory,
    "speed": check_speed,
}
"""The checks in their order; those after the first need a model that can be fitted."""


def _used(case: Case) -> None:
    """Fit and predict."""
    case.predict(case.fitted())


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"


def _row_us(model: FittedModel, X: Matrix) -> float:
    return 1e6 * best_s(lambda: model.predict(X)) / len(X)
