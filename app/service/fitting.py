"""Fit a model and publish its learned state as the next version."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import numpy as np

from app.model.estimator import AnyEstimator, FittedModel, Stored
from app.schemas.requests import OUTPUTS, Source, Work, Y
from app.schemas.tables import Matrix, Table
from app.schemas.tasks import Label, Stacks
from app.service.batchability import find_stacks
from app.service.columns import learn_schema, require_y
from app.service.evaluation import evaluate_model
from app.service.libraries import libraries
from app.service.model_calls import finite, fit_model, save_model
from app.service.publishing import publish
from app.service.restoring import Restore, check_restored, restore_here, some_rows
from app.service.sampling import sample
from app.service.tables import fit_data
from app.storage.array_files import Arrays
from app.storage.durable_files import Permit, always_permit
from app.storage.manifest import Manifest, Schema
from app.storage.model_store import Store
from app.telemetry.context import REQUEST


class FitSpec(NamedTuple):
    """A fit to run, and the members of its manifest."""

    work: Work
    job: str
    """The id of the job; a job publishes one version at most."""
    created_s: float
    permit: Permit = always_permit
    """Called before the version becomes visible; it raises to refuse the version."""
    sample_rows: int = 0
    """Maximum number of the data's rows that are kept with the version."""


class Facts(NamedTuple):
    """The members of a manifest about the data of a fit, and about its metrics."""

    origin: dict[str, Any]
    """The origin of the data."""
    sha256: str
    """The digest of the data, '' if there was none."""
    schema: Schema
    metrics: dict[str, int | float | None]
    warnings: list[str]
    held_bytes: int
    stacks: Stacks
    rows: int = 0
    classes: list[Label] | None = None
    outputs: Sequence[str] = ()
    sample: Arrays | None = None


def fit(
    estimator: AnyEstimator, table: Table, spec: FitSpec, store: Store, restore: Restore = restore_here
) -> tuple[int, dict[str, Any]]:
    """Fit to a table and publish, after `restore` restored the model; return the new version and the result.

    Raises Invalid, ModelFailed, Unavailable, and the errors of `spec.permit`.
    """
    schema = learn_schema(table)
    X, y = table.X, require_y(table)
    model, warned = fit_model(estimator, spec.work.params, fit_data(table, schema).read_only())
    stored = save_model(model)
    rows = some_rows(table, schema, own_texts=estimator.reads_texts)
    held_bytes = check_restored(estimator, model, stored, rows, restore)
    model = model.with_texts(table.categories)
    evaluation = evaluate_model(model, X, y, table.weight, schema)
    facts = Facts(
        _origin(spec.work.data),
        _digest(X, y, table.labels),
        schema,
        evaluation.metrics | finite(model.diagnostics()),
        [*table.warnings, *model.warnings(), *warned],
        held_bytes,
        find_stacks(model, X),
        len(X),
        table.labels,
        OUTPUTS if model.has_probabilities else [Y],
        sample(model, X, y, evaluation, schema, spec.sample_rows),
    )
    return publish_model(estimator, model, stored, facts, spec, store)


def publish_model(
    estimator: AnyEstimator, model: FittedModel, stored: Stored, facts: Facts, spec: FitSpec, store: Store
) -> tuple[int, dict[str, Any]]:
    """Publish the stored state of a model as the next version; return it, and the result of the fit."""
    manifest = Manifest(
        model=spec.work.model,
        estimator=estimator.source,
        estimator_name=estimator.name,
        task=estimator.task,
        classes=facts.classes,
        outputs=list(facts.outputs),
        params=spec.work.params,
        schema=facts.schema,
        terms=model.terms(),
        metrics=facts.metrics,
        warnings=facts.warnings,
        data={"origin": facts.origin, "rows": facts.rows, "sha256": facts.sha256},
        libraries=libraries(estimator.modules),
        created=datetime.fromtimestamp(spec.created_s, UTC),
        job=spec.job,
        by=REQUEST.get().key_name,
        provenance=getattr(estimator, "provenance", None),
        format=estimator.format,
        stacks=facts.stacks,
        held_bytes=facts.held_bytes,
        learned=stored.learned,
    )
    version = publish(store, manifest, stored.files, spec.permit, facts.sample).version
    coefficients = model.coefficients()
    return version, {
        "version": version,
        **({} if facts.classes is None else {"classes": facts.classes}),
        "terms": manifest.terms,
        "coefficients": [] if coefficients is None else coefficients.tolist(),
        "metrics": manifest.metrics,
        "warnings": manifest.warnings,
    }


def _origin(data: object) -> dict[str, Any]:
    """Return the origin of data for the manifest."""
    return {"source": data.name, "params": data.params} if isinstance(data, Source) else {"source": "request"}


def _digest(X: Matrix, y: Matrix, labels: list[Label] | None) -> str:
    digest = hashlib.sha256(repr((X.shape, y.shape)).encode())
    if labels is not None:
        digest.update(msgspec.json.encode(labels))
    digest.update(np.ascontiguousarray(X).data)
    digest.update(np.ascontiguousarray(y).data)
    return digest.hexdigest()
