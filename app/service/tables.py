"""The tables of requests: which of their columns are read, and which parts a verb needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.data.label_encoding import Labels
from app.model.estimator import AnyEstimator, FitData
from app.schemas.requests import Request, Source
from app.schemas.tables import Choice, Table
from app.schemas.verbs import VERBS, Verb
from app.service.choice import FitChoice, UseChoice
from app.service.columns import align_outputs, check_weight, require_y
from app.service.versions import Fitted
from app.storage.manifest import Schema


def fit_choice(
    estimator: AnyEstimator, data: Request | Source, check_indicators: Callable[[int | Sequence[int]], None]
) -> FitChoice:
    """Return the choice of the columns of a fit, which refuses a design that is too large even for one row."""
    return FitChoice(
        estimator.kinds,
        estimator.takes_missing,
        data.target if isinstance(data, Request) else [],
        data.inputs,
        data.ignore,
        data.weight,
        check_indicators=check_indicators,
        any_texts=estimator.reads_texts,
        texts=estimator.text_columns,
        labels="any" if estimator.task == "classification" else None,
    )


def fit_data(table: Table, schema: Schema) -> FitData:
    """Return a table of this schema in the form for an estimator's fit; raise Invalid without y."""
    return FitData(table.X, require_y(table), schema.columns, table.weight, table.labels, table.categories)


def use_choice(verb: Verb, fitted: Fitted, request: Request | Source) -> Choice:
    """Return the choice of the columns that a verb needs; for most predictions it is built once per version."""
    if not VERBS[verb].needs_y and not request.keep:
        return fitted.choice
    return UseChoice(
        fitted.manifest.schema,
        fitted.estimator.kinds,
        takes_missing=fitted.estimator.takes_missing,
        needs_y=VERBS[verb].needs_y,
        target=request.target if isinstance(request, Request) else [],
        weight=request.weight,
        keep=request.keep,
        any_texts=fitted.estimator.reads_texts,
        labels=fitted.choice.labels,
    )


def needed(verb: Verb, table: Table, fitted: Fitted) -> Table:
    """Return the part of a table that a verb needs; raise Invalid for other outputs than in the fit."""
    if VERBS[verb].needs_y:
        y, labels = align_outputs(table, fitted.manifest.schema), table.labels
        check_weight(table)
        if labels is not None:
            y, labels = Labels(y, labels).among(fitted.manifest.classes or [])
        found = Table(table.X, y, weight=table.weight, labels=labels)
    elif table.is_plain:
        return table
    else:
        found = Table(table.X, kept=table.kept)
    if table.categories and fitted.estimator.reads_texts:  # other tables have the texts of the fit
        found.categories = table.categories
    return found
