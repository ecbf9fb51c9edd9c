"""Fit, predict and score over the models, the store and the sources; the checks before are in request_checks.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.data.records import TableRecords
from app.errors import Conflict, Invalid
from app.model.estimator import AnyEstimator
from app.model.file_estimators import FileEstimator, FittedFileModel
from app.schemas.requests import FileInput, ModelFile, Promotion, Request, Source, Work, stacked_rows
from app.schemas.tables import Matrix, Table
from app.schemas.verbs import VERBS
from app.service.batchability import STACK_ROWS, STACKED
from app.service.design_size import DesignLimit
from app.service.evaluation import score
from app.service.file_work import (
    FileWork,
    require_file_work,
)
from app.service.fitting import FitSpec, fit
from app.service.gate import promote
from app.service.importing import Importer
from app.service.model_calls import predict_model
from app.service.models import Models
from app.service.outputs import batch_results, predict_result
from app.service.request_checks import RequestChecks
from app.service.restoring import Restore, restore_here
from app.service.sources import (
    SourceKinds,
    read_source,
    source_shape,
)
from app.service.tables import fit_choice, use_choice
from app.service.versions import Fitted, Versions
from app.settings import Stacking
from app.storage.durable_files import Permit, always_permit
from app.storage.model_store import Store

MAX_BATCH_VALUES = 100_000  # values of X, or of predictions, in one batch: larger batches gain nothing


class Service:
    """Has requests checked, and does their work. `estimators` and `sources` are by the names that requests use."""

    def __init__(  # noqa: PLR0913  each limit is one of its own
        self,
        estimators: Mapping[str, AnyEstimator],
        default_model: str,
        store: Store,
        sources: SourceKinds,
        *,
        max_design_bytes: int,
        max_answer_bytes: int,
        max_loaded_bytes: int,
        sample_rows: int = 0,
        stacking: Stacking = "on",
        importer: Importer | None = None,
        restore: Restore = restore_here,
        files: FileWork | None = None,
    ) -> None:
        self.models = Models(estimators, store, importer.approved if importer else frozenset())
        self._importer = importer
        self._restore = restore
        self._files = files
        self.store = store
        self.sources = sources
        self.default_model = default_model
        self._sample_rows = sample_rows
        self._stacked = STACKED[stacking]
        self._versions = versions = Versions(self.models, store, max_design_bytes, max_answer_bytes, max_loaded_bytes)
        limit = DesignLimit(max_design_bytes)
        self._checks = checks = RequestChecks(self.models, versions, sources, limit, default_model)
        self.check, self.check_loaded = checks.check, checks.check_loaded
        self.check_file, self.check_import = checks.check_file, checks.check_import
        self.fitted, self.manifest = versions.find, versions.manifest
        self.ready, self.loaded = versions.ready, versions.loaded
        self.was_seen, self.has_stand_in, self.stand_ins = versions.was_seen, versions.has_stand_in, versions.stand_ins

    def model(self, name: str | None) -> tuple[str, AnyEstimator]:
        """Return a model's name and its estimator, the default's for None; raise NotFound."""
        name = self.default_model if name is None else name
        return name, self.models[name]

    def check_removable(self, name: str) -> None:
        """Raise NotFound for a model that is not there, Conflict for one that has the name of an estimator."""
        if name in self.models.estimators:
            raise Conflict(f"{name!r} is also an estimator, and so a model in any case; its versions can be removed")
        self.model(name)

    @property
    def is_full(self) -> bool:
        """Whether no more versions fit into the memory that they may take."""
        return self._versions.is_full

    def run(self, work: Work, job: str, created_s: float, permit: Permit = always_permit) -> tuple[int, dict[str, Any]]:
        """Do the work; return the version made or used, and the result. `permit` may refuse to publish a version."""
        if isinstance(work.data, ModelFile):
            if self._importer is None:
                raise Invalid.at("/file", "this process imports no files")
            return self._importer.run(work, work.data, job, created_s, permit)
        if isinstance(work.data, FileInput) and not VERBS[work.verb].publishes:
            model, files = self._file_model(work), require_file_work(self._files)
            found = files.predict(model, [work])[0] if work.verb == "predict" else files.score(model, work.data)
            return work.version or 0, found
        if VERBS[work.verb].publishes:
            estimator = self.models.of_work(work.estimator, work.model)
            if isinstance(estimator, FileEstimator):
                return require_file_work(self._files).fit(estimator, FitSpec(work, job, created_s, permit))
            table = work.data
            if isinstance(table, Source):  # what it gives now is checked as the tables of requests were
                choice = fit_choice(estimator, table, partial(self._checks.limit.check_fit, estimator, work.params))
                given = read_source(self.sources, table, choice.labels, takes_missing=estimator.takes_missing)
                table = TableRecords(given, "/data").read(choice)
                self._checks.check_fit_table(estimator, work.params, table)
            if not isinstance(table, Table):
                raise Invalid.at("/file", f"the model {work.model!r} is fitted to rows, not to files")
            spec = FitSpec(work, job, created_s, permit, self._sample_rows)
            version, result = fit(estimator, table, spec, self.store, self._restore)
            if work.promote is not None:
                scores = partial(self._score_for_gate, work.model, work.promote)
                result["promotion"] = promote(self.store, work.model, version, work.promote, scores)
        else:
            fitted, table = self._data(work)
            version = fitted.manifest.version
            result = predict_result(fitted, table, work.outputs) if work.verb == "predict" else score(fitted, table)
        if isinstance(work.data, Source):
            result["source"] = work.data.name
        return version, result

    def predict_array(self, work: Work) -> tuple[int, Matrix] | None:
        """Predict numbers for the work's data; return the version used and y (n,) or (n, k).

        Return None, and do nothing, where the predictions are not numbers alone.
        """
        if self._used(work).manifest.classes is not None or work.outputs:
            return None
        fitted, table = self._data(work)
        return fitted.manifest.version, predict_model(fitted.reading(table), table.X, fitted.manifest.schema)

    def _used(self, work: Work) -> Fitted:
        """Return the version that work uses: pinned when the work was checked, and versions never change."""
        return self._versions.get(work.model, work.version or 0)

    def _data(self, work: Work) -> tuple[Fitted, Table]:
        """Return the version that work uses, and its data; read a source."""
        fitted, data = self._used(work), work.data
        if isinstance(data, Table):
            return fitted, data
        if not isinstance(data, Source):
            raise Invalid.at("/data", "a file holds no rows to predict for")
        choice = use_choice(work.verb, fitted, data)
        takes_missing, with_y = fitted.estimator.takes_missing, VERBS[work.verb].needs_y
        given = read_source(self.sources, data, choice.labels, takes_missing=takes_missing, with_y=with_y)
        return fitted, self._checks.use_table(
            work.verb, TableRecords(given, "/data").read(choice), fitted, work.outputs
        )

    def _file_model(self, work: Work) -> FittedFileModel:
        """Return the version that work on files uses; raise Invalid where its model takes rows."""
        model = self._used(work).model
        if not isinstance(model, FittedFileModel):
            raise Invalid.at("/file", f"the model {work.model!r} takes rows, not files")
        return model

    def rows(self, work: Work) -> int:
        """Return the number of rows of a work's data, 1 for a file; 0 for a source that does not declare its shape."""
        if rows := stacked_rows(work):
            return rows
        return (source_shape(self.sources, work.data) or (0, 0))[0] if isinstance(work.data, Source) else 0

    def max_batch_rows(self, work: Work) -> int:
        """Return the most rows that one batch with this prediction may have; 0 where predictions are not stacked.

        Raises as `run` does.
        """
        return self._max_batch_rows(self._used(work))

    def max_stack_rows(self, work: Work) -> int:
        """Do as `max_batch_rows`, but return 0 for a version that is not in memory, and no more than STACK_ROWS."""
        fitted = self._versions.loaded(work.model, work.version or 0)
        return 0 if fitted is None else min(STACK_ROWS, self._max_batch_rows(fitted))

    def _max_batch_rows(self, fitted: Fitted) -> int:
        if isinstance(fitted.model, FittedFileModel):
            most = fitted.model.instance.max_batch_files
            return most if self._stacked and most > 1 else 0
        if (fitted.manifest.stacks or fitted.model.stacks or "no") not in self._stacked:
            return 0
        width = max(fitted.model.width, len(fitted.manifest.schema.outputs))
        return min(MAX_BATCH_VALUES // width, fitted.unchecked_rows)

    def predict_batch(self, works: Sequence[Work]) -> list[dict[str, Any]]:
        """Predict for the tables of several works of one model and version in one call; return the result of each.

        Raises as `run` does, for all of them even if only one is at fault.
        """
        if isinstance(works[0].data, FileInput):
            return require_file_work(self._files).predict(self._file_model(works[0]), works)
        tables = [work.data for work in works if isinstance(work.data, Table)]
        return batch_results(self._used(works[0]), tables, [work.outputs for work in works])

    def _score_for_gate(self, name: str, gate: Promotion, version: int) -> dict[str, Any]:
        """Return the score of a version on the rows of a gate, as the verb score finds it."""
        request = Request(model=name, version=version)
        if isinstance(gate.data, Source):
            request.source = gate.data
        else:
            request.data = TableRecords(gate.data)
        return self.run(self.check("score", request), "", 0.0)[1]
