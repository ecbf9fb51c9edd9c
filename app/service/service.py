"""The models over a store and the sources: all checks that need no work, and the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.errors import Invalid, NotFound
from app.model.base import Regressor
from app.schemas.requests import Matrix, Request, Source, Table, Version, Work
from app.schemas.verbs import VERBS, Verb
from app.service.columns import aligned, check_width, scored, target
from app.service.fitting import FitSpec, fit
from app.service.model_calls import metrics, predict_model
from app.service.sources import SourceKind, Sources, check_params
from app.service.versions import Fitted, Versions
from app.storage.durable_files import Permit, always_permit
from app.storage.model_store import Schema, Store

SOLUTIONS = 4  # of as many outputs as there are: in the scaled basis, in the units of the data, and work
STACK_VALUES = 100_000  # numbers of X, or of predictions, up to which works are stacked: more gain nothing by it


class Service:
    """The models, by name, over a store and the sources that requests may name."""

    def __init__(  # noqa: PLR0913  each limit is one of its own
        self,
        models: Mapping[str, type[Regressor]],
        default_model: str,
        store: Store,
        sources: Mapping[str, SourceKind],
        *,
        max_design_bytes: int,
        max_answer_bytes: int,
        max_loaded_bytes: int,
        sample_rows: int = 0,
    ) -> None:
        self.models = models
        self.store = store
        self._default_model = default_model
        self._sources = Sources(sources)
        self._max_design_bytes = max_design_bytes
        self._sample_rows = sample_rows
        versions = Versions(
            models,
            store,
            max_design_bytes=max_design_bytes,
            max_answer_bytes=max_answer_bytes,
            max_loaded_bytes=max_loaded_bytes,
        )
        self._versions = versions
        self.manifest, self.is_loaded = versions.manifest, versions.is_loaded

    def model(self, name: str | None) -> tuple[str, type[Regressor]]:
        """Return a model's name and class, the default's for None; raise NotFound."""
        name = self._default_model if name is None else name
        if name not in self.models:
            raise NotFound.at("/model", f"no model {name[:64]!r}; there are {', '.join(sorted(self.models))}")
        return name, self.models[name]

    def fitted(self, name: str, version: Version | None) -> Fitted:
        """Return a version of a model; raise NotFound, or NotFitted when there is no version at all."""
        return self._versions.find(name, version)

    def pin(self, name: str | None, version: Version | None) -> tuple[str, int]:
        """Return the names of a model and the number of a version; raise NotFound or NotFitted.

        This reads no more than an alias: `is_loaded` then says whether more would have to be read for it.
        """
        name, _ = self.model(name)
        return name, self._versions.resolve(name, version)

    def check(self, verb: Verb, request: Request) -> Work:
        """Return the request as work that can be done; raise NotFound, NotFitted or Invalid with a pointer."""
        name, kind = self.model(request.model)
        if VERBS[verb].publishes:
            return self._check_fit(name, kind, request)
        return self._check_use(verb, name, request, self._versions.find(name, request.version))

    def run(self, work: Work, job: str, created_s: float, permit: Permit = always_permit) -> tuple[int, dict[str, Any]]:
        """Do the work; return the version made or used, and the result. A version is made if `permit` lets it."""
        data = self._data(work)
        if VERBS[work.verb].publishes:
            order = FitSpec(work, job, created_s, permit, self._sample_rows)
            return fit(self.models[work.model](**work.params), data, order, self.store)
        version, y = self._predict(work, data)
        return version, {"y": y.tolist()} if work.verb == "predict" else metrics(target(data), y)

    def predict(self, work: Work) -> tuple[int, Matrix]:
        """Do the work of a prediction; return the version used, and y (n,) or (n, k)."""
        return self._predict(work, self._data(work))

    def rows(self, work: Work) -> int:
        """Return how many rows of data a work is on."""
        return len(work.data.X) if isinstance(work.data, Table) else self._sources.connector(work.data).shape[0]

    def max_batch_rows(self, work: Work) -> int:
        """Return how many rows, those of this prediction on a table included, may be predicted at once.

        None of a model whose rows don't stand alone. Raises as `run` does.
        """
        if not self.models[work.model].batchable:
            return 0
        fitted = self._versions.pinned(work.model, work.version or 0)
        schema = fitted.manifest.schema
        return min(STACK_VALUES // max(len(schema.inputs), len(schema.outputs)), fitted.free_rows)

    def predict_batch(self, works: Sequence[Work]) -> list[dict[str, Any]]:
        """Predict for the tables of several works, all of one model and version, at once; return the result of each.

        Raises as `run` does, also when only one of them is at fault.
        """
        fitted = self._versions.pinned(works[0].model, works[0].version or 0)
        tables = [work.data.X for work in works if isinstance(work.data, Table)]
        y = predict_model(fitted.estimator, np.concatenate(tables), fitted.manifest.schema).tolist()
        results, start = [], 0
        for X in tables:
            results.append({"y": y[start : start + len(X)]})
            start += len(X)
        return results

    def _data(self, work: Work) -> Table:
        return work.data if isinstance(work.data, Table) else Table(*self._sources.connector(work.data).read())

    def _predict(self, work: Work, data: Table) -> tuple[int, Matrix]:
        version = work.version or 0  # pinned when the work was checked, and versions never change
        fitted = self._versions.pinned(work.model, version)
        return version, predict_model(fitted.estimator, data.X, fitted.manifest.schema)

    def _check_fit(self, name: str, kind: type[Regressor], request: Request) -> Work:
        params = check_params(kind.parameters(), request.params, "/params")
        estimator = kind(**params)
        data: Table | Source
        if request.table is None:
            data = self._sources.check(request.source or Source("dummy", {}))
        else:
            data = request.table
            target(data)
        self._check_size(estimator, *self._shape(data), outputs=_width(data))
        return Work("fit", name, None, params, data, request.timeout, _webhook(request))

    def _check_use(self, verb: Verb, name: str, request: Request, fitted: Fitted) -> Work:
        schema = fitted.manifest.schema
        data = self._check_application(verb, request, schema)
        rows, inputs = self._shape(data)
        if rows > fitted.free_rows:
            self._check_size(fitted.estimator, rows, inputs, outputs=len(schema.outputs))
        if not VERBS[verb].needs_y and rows > fitted.answer_rows:
            raise Invalid.at("/data", f"{rows} rows are too many for one answer, at most {fitted.answer_rows}")
        return Work(verb, name, fitted.manifest.version, {}, data, request.timeout, _webhook(request))

    def _check_application(self, verb: Verb, request: Request, schema: Schema) -> Table | Source:
        if request.table is None:
            source = self._sources.check(request.source or Source("dummy", {"inputs": len(schema.inputs)}))
            check_width(self._shape(source)[1], schema, "/data/params/inputs")
            return source
        table = aligned(request.table, schema)
        return scored(table, schema) if VERBS[verb].needs_y else Table(table.X)

    def _shape(self, data: Table | Source) -> tuple[int, int]:
        if isinstance(data, Table):
            return data.X.shape[0], data.X.shape[1]
        return self._sources.connector(data).shape

    def _check_size(self, estimator: Regressor, rows: int, inputs: int, outputs: int) -> None:
        terms = estimator.n_terms(inputs)
        needed = max(estimator.design_bytes(rows, inputs), rows * inputs * 8, SOLUTIONS * terms * outputs * 8)
        if needed > self._max_design_bytes:
            size = f"{rows} rows × {terms} terms and {outputs} outputs need {needed} bytes"
            raise Invalid.at("/data", f"{size}, over the limit of {self._max_design_bytes} (TRINITY_MAX_DESIGN)")


def _webhook(request: Request) -> str | None:
    return None if request.webhook is None else request.webhook.url


def _width(data: Table | Source) -> int:
    """Return the number of outputs to fit."""
    return 1 if isinstance(data, Source) or data.y is None or data.y.ndim == 1 else data.y.shape[1]
