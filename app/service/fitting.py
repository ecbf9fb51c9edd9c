"""Fit a model and publish what it learned as the next version."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from app.errors import Unavailable
from app.model.base import Regressor
from app.schemas.requests import Matrix, Source, Table, Work
from app.service.columns import column_warnings, learn_schema, require_y
from app.service.design import Design
from app.service.libraries import libraries
from app.service.model_calls import finite, fit_model, learned_state, metrics, predict_model
from app.service.restoring import check_restored, plain_and_arrays
from app.service.sampling import sample
from app.storage.durable_files import Permit, always_permit
from app.storage.model_store import Arrays, Manifest, Store
from app.telemetry.context import REQUEST


class FitSpec(NamedTuple):
    """A fit to do, and what its manifest says about it."""

    work: Work
    job: str
    """The id of the job; a job publishes one version at most."""
    created_s: float
    permit: Permit = always_permit
    """Called before the version becomes visible; it raises to refuse the version."""
    sample_rows: int = 0
    """The most rows of the data that are kept with the version."""


def fit(estimator: Regressor, table: Table, spec: FitSpec, store: Store) -> tuple[int, dict[str, Any]]:
    """Fit and publish; return the new version and the result.

    Raises Invalid, ModelFailed, Unavailable, and what `spec.permit` raises.
    """
    schema = learn_schema(table)
    design = Design(schema.columns)
    X, y = design.matrix(table.X), require_y(table)
    estimator.set_indicators(design.groups)
    fit_model(estimator, X, y, table.weight)
    learned = learned_state(estimator)
    check_restored(estimator, spec.work.params, learned, X, schema)
    y_predicted = predict_model(estimator, X, schema)
    kept = sample(estimator, table.X, y, y_predicted, schema, spec.sample_rows)
    plain, arrays = plain_and_arrays(learned)
    manifest = Manifest(
        model=spec.work.model,
        estimator=f"{type(estimator).__module__}.{type(estimator).__qualname__}",
        params=spec.work.params,
        schema=schema,
        terms=estimator.terms(design.names),
        metrics=metrics(y, y_predicted, table.weight) | finite(estimator.diagnostics()),
        warnings=[*column_warnings(schema, len(X)), *estimator.warnings(design.names)],
        data={"origin": _origin(spec.work.data), "rows": len(X), "sha256": _digest(table.X, y)},
        libraries=libraries(type(estimator)),
        created=datetime.fromtimestamp(spec.created_s, UTC),
        job=spec.job,
        by=REQUEST.get().key_name,
        learned=plain,
    )
    version = _publish(store, manifest, arrays, spec.permit, kept)
    named = estimator.coefficients(design.names)
    return version, {
        "version": version,
        "terms": manifest.terms,
        "coefficients": [] if named is None else named[1].tolist(),
        "metrics": manifest.metrics,
        "warnings": manifest.warnings,
    }


def _publish(store: Store, manifest: Manifest, arrays: Arrays, permit: Permit, kept: Arrays) -> int:
    """Publish a version and return its number; raise Unavailable, and what `permit` raises."""
    try:
        return store.publish(manifest, arrays, permit, kept).version
    except OSError as error:  # a full disk, a folder of another user
        raise Unavailable(f"the version could not be written to the store ({error.strerror}); try again") from error


def _origin(data: Table | Source) -> dict[str, Any]:
    """Return where data came from, as the manifest says it."""
    return {"source": data.name, "params": data.params} if isinstance(data, Source) else {"source": "request"}


def _digest(X: Matrix, y: Matrix) -> str:
    digest = hashlib.sha256(repr((X.shape, y.shape)).encode())
    digest.update(np.ascontiguousarray(X).data)
    digest.update(np.ascontiguousarray(y).data)
    return digest.hexdigest()
