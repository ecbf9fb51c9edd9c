"""Fit, predict and score over the models, the store and the sources: the checks before the work, and the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.data.records import TableRecords
from app.errors import Conflict, Invalid
from app.model.design import Design
from app.model.estimator import AnyEstimator
from app.model.file_estimators import FileEstimator, FittedFileModel
from app.schemas.requests import FileInput, ModelFile, Promotion, Request, Source, Version, Work, stacked_rows
from app.schemas.tables import Matrix, Table
from app.schemas.verbs import VERBS, Verb
from app.service.batchability import STACK_ROWS, STACKED
from app.service.choice import check_width
from app.service.columns import check_weight, learn_schema, require_y
from app.service.compatibility import require_usable
from app.service.design_size import DesignLimit
from app.service.evaluation import score
from app.service.file_work import (
    FileWork,
    check_file,
    check_no_options,
    check_no_rows,
    check_options,
    require_file_work,
)
from app.service.fitting import FitSpec, fit
from app.service.gate import checked_gate, promote
from app.service.importing import Importer
from app.service.model_calls import check_estimator, check_takes_weights, predict_model
from app.service.models import Models
from app.service.outputs import batch_results, check_outputs, predict_result
from app.service.restoring import Restore, restore_here
from app.service.sources import (
    DEFAULT_SOURCE,
    SourceKinds,
    check_params,
    choose_source,
    listed,
    read_source,
    source_shape,
)
from app.service.tables import fit_choice, needed, use_choice
from app.service.versions import Fitted, Versions
from app.settings import Stacking
from app.storage.durable_files import Permit, always_permit
from app.storage.model_store import Store

MAX_BATCH_VALUES = 100_000  # values of X, or of predictions, in one batch: larger batches gain nothing


class Service:
    """Checks requests and does their work. `estimators` and `sources` are by the names that requests use."""

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
        self._limit = DesignLimit(max_design_bytes)
        self._sample_rows = sample_rows
        self._stacked = STACKED[stacking]
        self._versions = versions = Versions(self.models, store, max_design_bytes, max_answer_bytes, max_loaded_bytes)
        self.fitted, self.manifest, self.loaded = versions.find, versions.manifest, versions.loaded
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

    def ready(self, name: str, version: Version | None) -> Fitted | None:
        """Return a version that is in memory; None where the disk has to be read to find or to load it.

        This only looks at the state of files, and so it may be called on the event loop.
        """
        return self._versions.ready(name, version) if self.models.is_known(name) else None

    def check(self, verb: Verb, request: Request) -> Work:
        """Check a request and return its work; raise NotFound, NotFitted or Invalid with a pointer."""
        name = self.default_model if request.model is None else request.model
        if VERBS[verb].publishes:
            return self._check_fit(name, self.models.for_fit(name, request.estimator), request)
        self.models.check(name)
        return self._check_use(verb, name, request, self._versions.find(name, request.version))

    def check_import(self, name: str, file: ModelFile, request: Request) -> Work:
        """Check the import of a file as a version of a model; raise Invalid. The file itself is not looked into."""
        self.models.check_imported_name(name)
        webhook = request.webhook.url if request.webhook else None
        return Work("fit", name, None, {}, file, request.timeout, webhook)

    def check_file(self, verb: Verb, name: str, file: FileInput, request: Request, options: Mapping[str, Any]) -> Work:
        """Check a request whose body is a file; raise as `check`, or UnsupportedMediaType. The model is not loaded."""
        estimator = self.models.for_fit(name, request.estimator) if VERBS[verb].publishes else self.models[name]
        if not isinstance(estimator, FileEstimator):
            raise Invalid.at("/file", f"the model {name!r} takes rows, not files")
        check_file(estimator, verb, file)
        webhook, made_of = request.webhook.url if request.webhook else None, ""
        if VERBS[verb].publishes:
            version, params = None, check_params(estimator.parameters(), options, "/params", strict=False)
            check_estimator(estimator, params)
            made_of = "" if estimator.name == name else estimator.name
        else:
            manifest = self._versions.manifest(name, request.version)
            require_usable(estimator, manifest)
            version = manifest.version
            params = check_options(estimator, options) if verb == "predict" else check_no_options(options)
        return Work(verb, name, version, params, file, request.timeout, webhook, estimator=made_of)

    def check_loaded(self, verb: Verb, request: Request) -> Work | None:
        """Do as `check` if nothing has to be read from the disk, or else return None: that holds up the event loop."""
        name = self.default_model if request.model is None else request.model
        if VERBS[verb].publishes:
            return self.check(verb, request) if name in self.models.estimators else None
        fitted = self.ready(name, request.version)
        return None if fitted is None else self._check_use(verb, name, request, fitted)

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
                choice = fit_choice(estimator, table, partial(self._limit.check_fit, estimator, work.params))
                given = read_source(self.sources, table, choice.labels, takes_missing=estimator.takes_missing)
                table = TableRecords(given, "/data").read(choice)
                self._check_fit_table(estimator, work.params, table)
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
        return fitted, self._checked(work.verb, TableRecords(given, "/data").read(choice), fitted, work.outputs)

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

    def _check_fit(self, name: str, estimator: AnyEstimator, request: Request) -> Work:
        if estimator.cannot_fit:
            raise Conflict(f"the model {name!r} cannot be fitted: {estimator.cannot_fit}")
        params = check_params(estimator.parameters(), request.params, "/params")
        check_estimator(estimator, params)
        webhook = request.webhook.url if request.webhook else None
        made_of = "" if estimator.name == name else estimator.name
        if isinstance(estimator, FileEstimator):
            check_no_rows(estimator, request)
            return Work("fit", name, None, params, None, request.timeout, webhook, estimator=made_of)
        if request.weight is not None:
            check_takes_weights(estimator, "/weight")
        data: Table | Source
        if request.data is not None:
            data = request.data.read(fit_choice(estimator, request, partial(self._limit.check_fit, estimator, params)))
            self._check_fit_table(estimator, params, data)
        else:
            data = choose_source(self.sources, request, estimator.task)
            if shape := source_shape(self.sources, data):
                rows, inputs = shape
                self._limit.check_fit(estimator, params, inputs, rows)
        gate = (
            None if request.promote is None else checked_gate(request.promote, estimator, self.sources, request.target)
        )
        return Work("fit", name, None, params, data, request.timeout, webhook, estimator=made_of, promote=gate)

    def _score_for_gate(self, name: str, gate: Promotion, version: int) -> dict[str, Any]:
        """Return the score of a version on the rows of a gate, as the verb score finds it."""
        request = Request(model=name, version=version)
        if isinstance(gate.data, Source):
            request.source = gate.data
        else:
            request.data = TableRecords(gate.data)
        return self.run(self.check("score", request), "", 0.0)[1]

    def _check_fit_table(self, estimator: AnyEstimator, params: dict[str, Any], table: Table) -> None:
        y = require_y(table)
        if table.weight is not None:
            check_takes_weights(estimator, "/data/sample_weight")
            check_weight(table)
        rows, width = table.X.shape
        inputs = width if table.kinds is None else Design(learn_schema(table).columns).groups
        self._limit.check_fit(estimator, params, inputs, rows, len(table.labels or ()) or _shape(y)[1])

    def _check_use(self, verb: Verb, name: str, request: Request, fitted: Fitted) -> Work:
        manifest = fitted.manifest
        if isinstance(fitted.estimator, FileEstimator):
            check_no_rows(fitted.estimator, request)
            raise Invalid.at("/file", f"the model {name!r} takes a file; send it as the body, or as the field `file`")
        if request.weight is not None and not VERBS[verb].needs_y:
            raise Invalid.at("/weight", f"the rows of a {verb} have no weights")
        if request.keep and VERBS[verb].needs_y:
            raise Invalid.at("/keep", f"a {verb} has no rows to keep columns with")
        outputs = check_outputs(verb, request.outputs, manifest) if request.outputs else []
        data: Table | Source
        if request.data is not None:
            data = self._checked(verb, request.data.read(use_choice(verb, fitted, request)), fitted, outputs)
        elif request.source is None and manifest.data.get("origin", {}).get("source") != DEFAULT_SOURCE:
            raise Invalid.at("/data", f"there is no data to {verb}: send X, or name a source: {listed(self.sources)}")
        else:
            width = len(manifest.schema.inputs) + len(manifest.schema.unused)
            needs_y = VERBS[verb].needs_y
            data = choose_source(self.sources, request, manifest.task, inputs=width, needs_y=needs_y)
            if shape := source_shape(self.sources, data):
                check_width(shape[1], manifest.schema, data)
                self._check_rows(verb, shape[0], fitted, outputs)
        webhook = request.webhook.url if request.webhook else None
        return Work(verb, name, manifest.version, {}, data, request.timeout, webhook, outputs=outputs)

    def _checked(self, verb: Verb, table: Table, fitted: Fitted, outputs: Sequence[str]) -> Table:
        """Return what the verb needs of a table; raise Invalid as `needed` does, or for too many rows."""
        found = needed(verb, table, fitted)
        self._check_rows(verb, len(found.X), fitted, outputs)
        return found

    def _check_rows(self, verb: Verb, rows: int, fitted: Fitted, outputs: Sequence[str]) -> None:
        if rows > fitted.unchecked_rows:
            self._limit.check_use(fitted.model, fitted.estimator.name, rows, len(fitted.manifest.schema.outputs))
        most = fitted.max_full_answer_rows if outputs else fitted.max_answer_rows
        if rows > most and not VERBS[verb].needs_y:
            raise Invalid.at("/data", f"{rows} rows are too many for one answer, at most {most}")


def _shape(values: Matrix) -> tuple[int, int]:
    """Return rows and columns; a vector is one column."""
    return values.shape[0], values.shape[1] if values.ndim > 1 else 1
