"""Fit, predict and score on the models, the store and the sources; the checks before are in request_checks.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.data.records import TableRecords
from app.errors import Conflict, Invalid
from app.model.estimator import AnyEstimator
from app.schemas.requests import FileInput, ModelFile, Promotion, Request, Source, Work, stacked_rows
from app.schemas.tables import Matrix
from app.schemas.verbs import VERBS
from app.service.batchability import STACK_ROWS, STACKED
from app.service.data_work import DataWork
from app.service.design_size import DesignLimit
from app.service.file_work import FileWork, require_file_work
from app.service.fitting import FitSpec
from app.service.gate import promote
from app.service.importing import Importer
from app.service.models import Models
from app.service.request_checks import RequestChecks
from app.service.restoring import Restore, restore_here
from app.service.row_work import RowWork
from app.service.sources import SourceKinds, source_shape
from app.service.versions import Fitted, Versions
from app.settings import Stacking
from app.storage.durable_files import Permit, always_permit
from app.storage.model_store import Store


class Service:
    """Checks requests, and runs their work. `estimators` and `sources` are keyed by the names that requests use."""

    def __init__(  # noqa: PLR0913  the limits are independent
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
        self._files = files
        self.store = store
        self.sources = sources
        self.default_model = default_model
        self._sample_rows = sample_rows
        self._stacked = STACKED[stacking]
        self._versions = versions = Versions(self.models, store, max_design_bytes, max_answer_bytes, max_loaded_bytes)
        limit = DesignLimit(max_design_bytes)
        checks = RequestChecks(self.models, versions, sources, limit, default_model)
        self.check, self.check_loaded = checks.check, checks.check_loaded
        self.check_file, self.check_import = checks.check_file, checks.check_import
        self._rows = RowWork(store, sources, checks, restore)
        self.fitted, self.manifest = versions.find, versions.manifest
        self.ready, self.loaded = versions.ready, versions.loaded
        self.may_be_quick = versions.may_be_quick
        self.has_stand_in, self.stand_ins = versions.has_stand_in, versions.stand_ins

    def model(self, name: str | None) -> tuple[str, AnyEstimator]:
        """Return a model's name and its estimator, for None the default model's; raise NotFound."""
        name = self.default_model if name is None else name
        return name, self.models[name]

    def check_removable(self, name: str) -> None:
        """Raise NotFound for a model that does not exist, Conflict if it has the name of an estimator."""
        if name in self.models.estimators:
            raise Conflict(f"{name!r} is also an estimator, and so a model in any case; its versions can be removed")
        self.model(name)

    @property
    def is_full(self) -> bool:
        """Whether the memory for versions is full."""
        return self._versions.is_full

    def run(self, work: Work, job: str, created_s: float, permit: Permit = always_permit) -> tuple[int, dict[str, Any]]:
        """Run the work; return the version published or used, and the result. `permit` may refuse the publication."""
        if isinstance(work.data, ModelFile):
            if self._importer is None:
                raise Invalid.at("/file", "this process imports no files")
            return self._importer.run(work, work.data, job, created_s, permit)
        if VERBS[work.verb].publishes:
            estimator = self.models.of_work(work.estimator, work.model)
            spec = FitSpec(work, job, created_s, permit, self._sample_rows)
            version, result = self._work_with(estimator).fit(estimator, spec)
            if work.promote is not None:
                scores = partial(self._score_for_gate, work.model, work.promote)
                result["promotion"] = promote(self.store, work.model, version, work.promote, scores)
        else:
            fitted = self._used(work)
            version, does = fitted.manifest.version, self._work_with(fitted.estimator)
            result = does.predict(fitted, [work])[0] if work.verb == "predict" else does.score(fitted, work)
        if isinstance(work.data, Source):
            result["source"] = work.data.name
        return version, result

    def predict_array(self, work: Work) -> tuple[int, Matrix] | None:
        """Predict numbers for the work's data; return the version used and y (n,) or (n, k).

        Return None, and do nothing, unless the predictions are only numbers.
        """
        fitted = self._used(work)
        if fitted.manifest.classes is not None or fitted.estimator.files is not None or work.outputs:
            return None
        return fitted.manifest.version, self._rows.predict_array(fitted, work)

    def _used(self, work: Work) -> Fitted:
        """Return the version that work uses: pinned when the work was checked, and versions never change."""
        return self._versions.get(work.model, work.version or 0)

    def _work_with(self, estimator: AnyEstimator) -> DataWork:
        """Return the object that runs the work of an estimator and of its versions."""
        return self._rows if estimator.files is None else require_file_work(self._files)

    def rows(self, work: Work) -> int:
        """Return the number of rows of a work's data, 1 for a file; 0 for a source that does not declare its shape."""
        if rows := stacked_rows(work):
            return rows
        return (source_shape(self.sources, work.data) or (0, 0))[0] if isinstance(work.data, Source) else 0

    def max_batch_rows(self, work: Work) -> int:
        """Return the maximum number of rows of a batch with this prediction; 0 if predictions are not stacked.

        Raises as `run` does.
        """
        return self._max_batch_rows(self._used(work))

    def max_stack_rows(self, work: Work) -> int:
        """Do as `max_batch_rows`, but return 0 for a version that is not in memory, and no more than STACK_ROWS."""
        fitted = self._versions.loaded(work.model, work.version or 0)
        return 0 if fitted is None else min(STACK_ROWS, self._max_batch_rows(fitted))

    def _max_batch_rows(self, fitted: Fitted) -> int:
        return self._work_with(fitted.estimator).max_batch_rows(fitted, self._stacked)

    def predict_batch(self, works: Sequence[Work]) -> list[dict[str, Any]]:
        """Predict for the data of several works of one model and version in one call; return the result of each.

        Raises as `run` does, for all of them even if only one is at fault.
        """
        fitted = self._used(works[0])
        return self._work_with(fitted.estimator).predict(fitted, works)

    def _score_for_gate(self, name: str, gate: Promotion, version: int) -> dict[str, Any]:
        """Return the score of a version on the rows or files of a gate, as the verb score does."""
        request = Request(model=name, version=version)
        if isinstance(gate.data, FileInput):
            return self.run(self.check_file("score", name, gate.data, request, {}), "", 0.0)[1]
        if isinstance(gate.data, Source):
            request.source = gate.data
        else:
            request.data = TableRecords(gate.data)
        return self.run(self.check("score", request), "", 0.0)[1]
