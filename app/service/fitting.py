"""Fits a model and publishes what it learned as the next version."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from importlib.metadata import version as installed
from typing import Any, NamedTuple

import numpy as np

from app.errors import Unavailable
from app.model.base import Regressor
from app.schemas import Matrix, Source, Table, Work
from app.service.calls import asked, learned, metrics, predicted
from app.service.columns import default_names
from app.store import Arrays, Manifest, Schema, Store


class Numbers(NamedTuple):
    """What a model is fitted or applied to: X (n, p) and y, with the names of their columns where they have any."""

    X: Matrix
    y: Matrix
    inputs: list[str] | None = None
    outputs: list[str] | None = None

    def schema(self) -> Schema:
        """Return the names of all columns, made up where there are none."""
        return Schema(
            inputs=self.inputs or default_names("x", self.X.shape[1]),
            outputs=self.outputs or default_names("y", 1 if self.y.ndim == 1 else self.y.shape[1]),
            vector=self.y.ndim == 1,
            named=self.outputs is not None,
        )

    def sha256(self) -> str:
        """Return a digest of shapes and values."""
        digest = hashlib.sha256(repr((self.X.shape, self.y.shape)).encode())
        digest.update(np.ascontiguousarray(self.X).data)
        digest.update(np.ascontiguousarray(self.y).data)
        return digest.hexdigest()


class Fit(NamedTuple):
    """A fit to be done: the work, the job that has it done, and when that was."""

    work: Work
    job: str
    created_s: float


def fit(estimator: Regressor, numbers: Numbers, order: Fit, store: Store) -> tuple[int, dict[str, Any]]:
    """Fit and publish; return the new version and the result. Raise Invalid, ModelFailed, or Unavailable."""
    asked(estimator.fit, numbers.X, numbers.y)
    schema = numbers.schema()
    found = metrics(numbers.y, predicted(estimator, numbers.X, schema))
    arrays, values = _split(learned(estimator))
    manifest = Manifest(
        model=order.work.model,
        estimator=f"{type(estimator).__module__}.{type(estimator).__qualname__}",
        params=order.work.params,
        schema=schema,
        terms=estimator.terms(schema.inputs),
        metrics=found,
        data={"origin": _origin(order.work.data), "rows": len(numbers.X), "sha256": numbers.sha256()},
        libraries={name: installed(name) for name in ("numpy", "scipy")},
        created=datetime.fromtimestamp(order.created_s, UTC),
        job=order.job,
        learned=values,
    )
    version = _publish(store, manifest, arrays).version
    named = estimator.coefficients(schema.inputs)
    coefficients = [] if named is None else named[1].tolist()
    return version, {"version": version, "terms": manifest.terms, "coefficients": coefficients, "metrics": found}


def _publish(store: Store, manifest: Manifest, arrays: Arrays) -> Manifest:
    try:
        return store.publish(manifest, arrays)
    except OSError as error:  # a full disk, a folder that isn't ours
        raise Unavailable(f"the store doesn't take the version ({error.strerror}); try again") from error


def _split(values: dict[str, Any]) -> tuple[Arrays, dict[str, Any]]:
    """Separate what goes into the archive of arrays from what goes into the manifest."""
    arrays = {key: value for key, value in values.items() if isinstance(value, np.ndarray)}
    return arrays, {key: value for key, value in values.items() if key not in arrays}


def _origin(data: Table | Source) -> dict[str, Any]:
    return {"source": data.name, "params": data.params} if isinstance(data, Source) else {"source": "request"}
