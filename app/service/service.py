"""Fit, predict and score over the models, the store and the sources: the checks before the work, and the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from app.data.records import TableRecords
from app.data.stacking import stack_tables
from app.errors import Conflict, Invalid
from app.model.design import Design
from app.model.estimator import AnyEstimator
from app.schemas.parts import to_list
from app.schemas.requests import Choice, Matrix, Request, Source, Table, Version, Work
from app.schemas.verbs import VERBS, Verb
from app.service.choice import FitChoice, UseChoice, width_error
from app.service.columns import align_outputs, check_weight, learn_schema, require_y
from app.service.design_size import DesignLimit
from app.service.fitting import FitSpec, fit
from app.service.model_calls import check_estimator, check_takes_weights, metrics, predict_model
from app.service.models import Models
from app.service.sources import SourceKinds, check_params, check_source, read_source
from app.service.stacking import STACK_ROWS, STACKED
from app.service.versions import Fitted, Versions
from app.settings import Stacking
from app.storage.durable_files import Permit, always_permit
from app.storage.manifest import Schema
from app.storage.model_store import Store

DEFAULT_SOURCE = "dummy"  # of requests without data
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
    ) -> None:
        self.models = Models(estimators, store)
        self.store = store
        self.sources = sources
        self._default_model = default_model
        self._limit = DesignLimit(max_design_bytes)
        self._sample_rows = sample_rows
        self._stacked = STACKED[stacking]
        self._versions = versions = Versions(self.models, store, max_design_bytes, max_answer_bytes, max_loaded_bytes)
        self.fitted, self.manifest, self.loaded = versions.find, versions.manifest, versions.loaded

    def model(self, name: str | None) -> tuple[str, AnyEstimator]:
        """Return a model's name and its estimator, the default's for None; raise NotFound."""
        name = self._default_model if name is None else name
        return name, self.models[name]

    def check_removable(self, name: str) -> None:
        """Raise NotFound for a model that is not there, Conflict for one that has the name of an estimator."""
        if name in self.models.estimators:
            raise Conflict(f"{name!r} is also an estimator, and so a model in any case; its versions can be removed")
        self.model(name)

    def pin(self, name: str | None, version: Version | None) -> tuple[str, int]:
        """Return the name of a model and the number of a version; raise NotFound or NotFitted.

        This reads only an alias; `loaded` then returns the version if it is in memory.
        """
        name = self._default_model if name is None else name
        self.models.check(name)
        return name, self._versions.resolve(name, version)

    def check(self, verb: Verb, request: Request) -> Work:
        """Check a request and return its work; raise NotFound, NotFitted or Invalid with a pointer."""
        name = self._default_model if request.model is None else request.model
        if VERBS[verb].publishes:
            return self._check_fit(name, self.models.for_fit(name, request.estimator), request)
        self.models.check(name)
        return self._check_use(verb, name, request, self._versions.find(name, request.version))

    def check_loaded(self, verb: Verb, request: Request) -> Work | None:
        """Do as `check` if the version is in memory, or else return None: to read it would hold up the event loop.

        In any case the request then names its version by the number.
        """
        name, request.version = self.pin(request.model, request.version)
        fitted = self.loaded(name, request.version)
        return None if fitted is None else self._check_use(verb, name, request, fitted)

    def run(self, work: Work, job: str, created_s: float, permit: Permit = always_permit) -> tuple[int, dict[str, Any]]:
        """Do the work; return the version made or used, and the result. `permit` may refuse to publish a version."""
        if VERBS[work.verb].publishes:
            estimator = self.models.estimator(work.estimator or work.model, work.model)
            table = work.data
            if isinstance(table, Source):  # what it gives now is checked as the tables of requests were
                choice = self._fit_choice(estimator, work.params, table)
                table = TableRecords(read_source(self.sources, table), "/data").read(choice)
                self._check_fit_table(estimator, work.params, table)
            spec = FitSpec(work, job, created_s, permit, self._sample_rows)
            version, result = fit(estimator, table, spec, self.store)
        else:
            version, table, y = self.predict(work)
            result = _prediction(to_list(y), table) if work.verb == "predict" else _score(table, y)
        if isinstance(work.data, Source):
            result["source"] = work.data.name
        return version, result

    def predict(self, work: Work) -> tuple[int, Table, Matrix]:
        """Predict for the work's data; return the version used, the data, and predictions (n,) or (n, k)."""
        version = work.version or 0  # pinned when the work was checked, and versions never change
        fitted = self._versions.get(work.model, version)
        table = work.data
        if isinstance(table, Source):
            records = TableRecords(read_source(self.sources, table), "/data")
            table = self._checked(work.verb, records.read(self._use_choice(work.verb, fitted, table)), fitted)
        model = fitted.model.with_texts(table.categories) if table.categories else fitted.model
        return version, table, predict_model(model, table.X, fitted.manifest.schema)

    def rows(self, work: Work) -> int:
        """Return the number of rows of a work's data; 0 for a source that does not declare its shape."""
        if isinstance(work.data, Table):
            return len(work.data.X)
        return (self._shape(work.data) or (0, 0))[0]

    def max_batch_rows(self, work: Work) -> int:
        """Return the most rows that one batch with this prediction may have; 0 where predictions are not stacked.

        Raises as `run` does.
        """
        return self._max_batch_rows(self._versions.get(work.model, work.version or 0))

    def max_stack_rows(self, work: Work) -> int:
        """Do as `max_batch_rows`, but return 0 for a version that is not in memory, and no more than STACK_ROWS."""
        fitted = self._versions.loaded(work.model, work.version or 0)
        return 0 if fitted is None else min(STACK_ROWS, self._max_batch_rows(fitted))

    def _max_batch_rows(self, fitted: Fitted) -> int:
        if (fitted.manifest.stacks or fitted.model.stacks or "no") not in self._stacked:
            return 0
        width = max(fitted.model.width, len(fitted.manifest.schema.outputs))
        return min(MAX_BATCH_VALUES // width, fitted.unchecked_rows)

    def predict_batch(self, works: Sequence[Work]) -> list[dict[str, Any]]:
        """Predict for the tables of several works of one model and version in one call; return the result of each.

        Raises as `run` does, for all of them even if only one is at fault.
        """
        fitted = self._versions.get(works[0].model, works[0].version or 0)
        tables = [work.data for work in works if isinstance(work.data, Table)]
        table = stack_tables(tables)
        model = fitted.model.with_texts(table.categories) if table.categories else fitted.model
        y = iter(predict_model(model, table.X, fitted.manifest.schema).tolist())
        return [_prediction(list(islice(y, len(table.X))), table) for table in tables]

    def _check_fit(self, name: str, estimator: AnyEstimator, request: Request) -> Work:
        params = check_params(estimator.parameters(), request.params, "/params")
        check_estimator(estimator, params)
        if request.weight is not None:
            check_takes_weights(estimator, "/weight")
        data: Table | Source
        if request.data is not None:
            data = request.data.read(self._fit_choice(estimator, params, request))
            self._check_fit_table(estimator, params, data)
        else:
            data = self._source(request, {})
            if shape := self._shape(data):
                rows, inputs = shape
                self._limit.check_fit(estimator, params, inputs, rows)
        webhook = request.webhook.url if request.webhook else None
        made_of = "" if estimator.name == name else estimator.name
        return Work("fit", name, None, params, data, request.timeout, webhook, made_of)

    def _fit_choice(self, estimator: AnyEstimator, params: dict[str, Any], data: Request | Source) -> FitChoice:
        """Return the choice of the columns of a fit, which refuses what is too large for one row already."""
        target = data.target if isinstance(data, Request) else []
        return FitChoice(
            estimator.kinds,
            estimator.takes_missing,
            target,
            data.inputs,
            data.ignore,
            data.weight,
            check_indicators=partial(self._limit.check_fit, estimator, params),
            any_texts=estimator.reads_texts,
        )

    def _check_fit_table(self, estimator: AnyEstimator, params: dict[str, Any], table: Table) -> None:
        y = require_y(table)
        if table.weight is not None:
            check_takes_weights(estimator, "/data/sample_weight")
            check_weight(table)
        rows, width = table.X.shape
        inputs = width if table.kinds is None else Design(learn_schema(table).columns).groups
        self._limit.check_fit(estimator, params, inputs, rows, _shape(y)[1])

    def _check_use(self, verb: Verb, name: str, request: Request, fitted: Fitted) -> Work:
        manifest = fitted.manifest
        if request.weight is not None and not VERBS[verb].needs_y:
            raise Invalid.at("/weight", f"the rows of a {verb} have no weights")
        if request.keep and VERBS[verb].needs_y:
            raise Invalid.at("/keep", f"a {verb} has no rows to keep columns with")
        data: Table | Source
        if request.data is not None:
            data = self._checked(verb, request.data.read(self._use_choice(verb, fitted, request)), fitted)
        elif request.source is None and manifest.data.get("origin", {}).get("source") != DEFAULT_SOURCE:
            raise Invalid.at("/data", f"there is no data to {verb}: send X, or name a source: {self._source_names()}")
        else:
            data = self._source(request, {"inputs": len(manifest.schema.inputs) + len(manifest.schema.unused)})
            if shape := self._shape(data):
                self._check_width(shape[1], manifest.schema, data)
                self._check_rows(verb, shape[0], fitted)
        webhook = request.webhook.url if request.webhook else None
        return Work(verb, name, manifest.version, {}, data, request.timeout, webhook)

    def _check_width(self, width: int, schema: Schema, source: Source) -> None:
        """Raise Invalid if a source that declares its shape has too few columns for a version, or too many."""
        if not len(schema.inputs) <= width <= len(schema.inputs) + len(schema.unused):
            pointer = "/data/params/inputs" if "inputs" in source.params else "/data"
            raise width_error(pointer, width, schema)

    def _use_choice(self, verb: Verb, fitted: Fitted, request: Request | Source) -> Choice:
        """Return the choice of the columns that a verb needs: for most predictions it is made once for a version."""
        if not VERBS[verb].needs_y and not request.keep:
            return fitted.choice
        target = request.target if isinstance(request, Request) else []
        missing = fitted.estimator.takes_missing
        schema = fitted.manifest.schema
        return UseChoice(
            schema,
            fitted.estimator.kinds,
            takes_missing=missing,
            needs_y=VERBS[verb].needs_y,
            target=target,
            weight=request.weight,
            keep=request.keep,
            any_texts=fitted.estimator.reads_texts,
        )

    def _checked(self, verb: Verb, table: Table, fitted: Fitted) -> Table:
        """Return what the verb needs of a table; raise Invalid for other outputs than in the fit, or too many rows."""
        if VERBS[verb].needs_y:
            y = align_outputs(table, fitted.manifest.schema)
            check_weight(table)
            checked = Table(table.X, y, weight=table.weight)
        else:
            checked = Table(table.X, kept=table.kept)
        if table.categories and fitted.estimator.reads_texts:  # others have those of the fit
            checked.categories = table.categories
        self._check_rows(verb, len(table.X), fitted)
        return checked

    def _check_rows(self, verb: Verb, rows: int, fitted: Fitted) -> None:
        if rows > fitted.unchecked_rows:
            self._limit.check_use(fitted.model, fitted.estimator.name, rows, len(fitted.manifest.schema.outputs))
        if not VERBS[verb].needs_y and rows > fitted.max_answer_rows:
            raise Invalid.at("/data", f"{rows} rows are too many for one answer, at most {fitted.max_answer_rows}")

    def _source(self, request: Request, defaults: dict[str, Any]) -> Source:
        """Return the source that a request names, with all parameters; the dummy source when it has no data."""
        if request.source is None and DEFAULT_SOURCE not in self.sources:
            raise Invalid.at("/data", f"there is no data: send X, or name a source: {self._source_names()}")
        source = check_source(self.sources, request.source or Source(DEFAULT_SOURCE, defaults))
        source.inputs, source.ignore = request.inputs, request.ignore
        source.weight, source.keep = request.weight, request.keep
        return source

    def _source_names(self) -> str:
        return ", ".join(sorted(self.sources))

    def _shape(self, data: Source) -> tuple[int, int] | None:
        """Return rows and inputs of a source; None for one that does not declare them."""
        shape: tuple[int, int] | None = getattr(self.sources[data.name](**data.params), "shape", None)
        return shape


def _prediction(y: list[Any], table: Table) -> dict[str, Any]:
    """Return the result of a prediction for a table: with the columns of it that are to come back."""
    return {"y": y, "kept": table.kept} if table.kept else {"y": y}


def _score(table: Table, y: Matrix) -> dict[str, Any]:
    """Return the result of a score: how close predictions are to the table's own y."""
    return metrics(require_y(table), y, table.weight)


def _shape(values: Matrix) -> tuple[int, int]:
    """Return rows and columns; a vector is one column."""
    return values.shape[0], values.shape[1] if values.ndim > 1 else 1
