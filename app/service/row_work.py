"""Fit, predict and score of models that take rows: rows of a request, or of a source, which is read here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from app.data.records import TableRecords
from app.errors import Invalid
from app.model.estimator import AnyEstimator
from app.schemas.requests import Source, Work
from app.schemas.tables import Matrix, Table
from app.schemas.tasks import Stacks
from app.schemas.verbs import VERBS
from app.service.evaluation import score
from app.service.fitting import FitSpec, fit
from app.service.model_calls import predict_model
from app.service.outputs import batch_results, predict_result
from app.service.request_checks import RequestChecks
from app.service.restoring import Restore
from app.service.sources import SourceKinds, read_source
from app.service.tables import fit_choice, use_choice
from app.service.versions import Fitted
from app.storage.model_store import Store

MAX_BATCH_VALUES = 100_000  # values of X, or of predictions, in one batch: larger batches gain nothing


class RowWork:
    """Runs the work of models of rows, see `DataWork`."""

    def __init__(self, store: Store, sources: SourceKinds, checks: RequestChecks, restore: Restore) -> None:
        self._store = store
        self._sources = sources
        self._checks = checks
        self._restore = restore

    def fit(self, estimator: AnyEstimator, spec: FitSpec) -> tuple[int, dict[str, Any]]:
        """Fit to a table, and publish."""
        params, table = spec.work.params, spec.work.data
        if isinstance(table, Source):  # its rows are checked here like the tables of requests
            choice = fit_choice(estimator, table, partial(self._checks.limit.check_fit, estimator, params))
            given = read_source(self._sources, table, choice.labels, takes_missing=estimator.takes_missing)
            table = TableRecords(given, "/data").read(choice)
            self._checks.check_fit_table(estimator, params, table)
        if not isinstance(table, Table):
            raise Invalid.at("/file", f"the model {spec.work.model!r} is fitted to rows, not to files")
        return fit(estimator, table, spec, self._store, self._restore)

    def predict(self, fitted: Fitted, works: Sequence[Work]) -> list[dict[str, Any]]:
        """Return the result of each work, all of them in one call."""
        tables = [self._table(fitted, work) for work in works]
        if len(works) == 1:
            return [predict_result(fitted, tables[0], works[0].outputs)]
        return batch_results(fitted, tables, [work.outputs for work in works])

    def predict_array(self, fitted: Fitted, work: Work) -> Matrix:
        """Return predictions (n,) or (n, k)."""
        table = self._table(fitted, work)
        return predict_model(fitted.reading(table), table.X, fitted.manifest.schema)

    def score(self, fitted: Fitted, work: Work) -> dict[str, Any]:
        """Return the metrics of predictions against the y of the rows."""
        return score(fitted, self._table(fitted, work))

    def max_batch_rows(self, fitted: Fitted, stacked: Collection[Stacks]) -> int:
        """Return the maximum number of rows of one call."""
        if fitted.model.isolated:
            return 1  # a request that crashes its process would fail all others of the call
        if (fitted.manifest.stacks or fitted.model.stacks or "no") not in stacked:
            return 0
        width = max(fitted.model.width, len(fitted.manifest.schema.outputs))
        return min(MAX_BATCH_VALUES // width, fitted.unchecked_rows)

    def _table(self, fitted: Fitted, work: Work) -> Table:
        """Return the rows of a work; read a source."""
        data = work.data
        if isinstance(data, Table):
            return data
        if not isinstance(data, Source):
            raise Invalid.at("/file", f"the model {work.model!r} takes rows, not files")
        choice = use_choice(work.verb, fitted, data)
        takes_missing, with_y = fitted.estimator.takes_missing, VERBS[work.verb].needs_y
        given = read_source(self._sources, data, choice.labels, takes_missing=takes_missing, with_y=with_y)
        return self._checks.use_table(work.verb, TableRecords(given, "/data").read(choice), fitted, work.outputs)
