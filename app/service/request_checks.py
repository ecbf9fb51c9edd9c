"""The checks of a request before its work: against the model, the version, the sources and the limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.errors import Conflict, Invalid
from app.model.design import Design
from app.model.estimator import AnyEstimator
from app.schemas.query import with_lists
from app.schemas.requests import FileInput, ModelFile, Request, Source, Work
from app.schemas.tables import Matrix, Table
from app.schemas.verbs import VERBS, Verb
from app.service.choice import check_width
from app.service.columns import check_weight, learn_schema, require_y
from app.service.compatibility import require_usable
from app.service.design_size import DesignLimit
from app.service.file_work import check_file, check_no_options, check_no_rows, check_options
from app.service.gate import checked_file_gate, checked_gate
from app.service.model_calls import check_estimator, check_takes_weights
from app.service.models import Models
from app.service.outputs import check_outputs
from app.service.sources import (
    DEFAULT_SOURCE,
    SourceKinds,
    check_params,
    choose_source,
    listed,
    source_shape,
)
from app.service.tables import fit_choice, needed, use_choice
from app.service.versions import Fitted, Versions


class RequestChecks:
    """Converts requests to work, or raises their errors."""

    def __init__(
        self, models: Models, versions: Versions, sources: SourceKinds, limit: DesignLimit, default_model: str
    ) -> None:
        self._models = models
        self._versions = versions
        self._sources = sources
        self.limit = limit
        self._default_model = default_model

    def check(self, verb: Verb, request: Request) -> Work:
        """Check a request and return its work; raise NotFound, NotFitted or Invalid with a pointer."""
        name = self._default_model if request.model is None else request.model
        if VERBS[verb].publishes:
            return self._check_fit(name, self._models.for_fit(name, request.estimator), request)
        self._models.check(name)
        return self._check_use(verb, name, request, self._versions.find(name, request.version))

    def check_import(self, name: str, file: ModelFile, request: Request) -> Work:
        """Check the import of a file as a version of a model; raise Invalid. The file itself is not read."""
        self._models.check_imported_name(name)
        webhook = _webhook(request)
        return Work("fit", name, None, {}, file, request.timeout, webhook)

    def check_file(
        self,
        verb: Verb,
        name: str,
        file: FileInput,
        request: Request,
        options: Mapping[str, Any],
        held_out: FileInput | None = None,
    ) -> Work:
        """Check a request whose body is a file, or a form with a second file for its gate.

        Raise as `check`, or UnsupportedMediaType. The model is not loaded.
        """
        estimator = self._models.for_fit(name, request.estimator) if VERBS[verb].publishes else self._models[name]
        if estimator.files is None:
            raise Invalid.at(file.pointer, f"the model {name!r} takes rows, not files")
        check_file(estimator.files, verb, file)
        webhook, made_of = _webhook(request), ""
        gate = checked_file_gate(request.promote, estimator, held_out)
        if VERBS[verb].publishes:
            parameters = estimator.parameters()
            version, params = None, check_params(parameters, with_lists(parameters, options), "/params", strict=False)
            check_estimator(estimator, params)
            made_of = "" if estimator.name == name else estimator.name
        else:
            manifest = self._versions.manifest(name, request.version)
            require_usable(estimator, manifest)
            version = manifest.version
            params = check_options(estimator.files, options) if verb == "predict" else check_no_options(options)
        return Work(verb, name, version, params, file, request.timeout, webhook, estimator=made_of, promote=gate)

    def check_loaded(self, verb: Verb, request: Request) -> Work | None:
        """Do as `check`, but return None if a file must be read, because that would block the event loop."""
        name = self._default_model if request.model is None else request.model
        if VERBS[verb].publishes:
            return self.check(verb, request) if name in self._models.estimators else None
        fitted = self._versions.ready(name, request.version)
        return None if fitted is None else self._check_use(verb, name, request, fitted)

    def _check_fit(self, name: str, estimator: AnyEstimator, request: Request) -> Work:
        if estimator.cannot_fit:
            raise Conflict(f"the model {name!r} cannot be fitted: {estimator.cannot_fit}")
        params = check_params(estimator.parameters(), request.params, "/params")
        check_estimator(estimator, params)
        webhook = _webhook(request)
        made_of = "" if estimator.name == name else estimator.name
        if estimator.files is not None:
            check_no_rows(estimator, request)
            return Work("fit", name, None, params, None, request.timeout, webhook, estimator=made_of)
        if request.weight is not None:
            check_takes_weights(estimator, "/weight")
        data: Table | Source
        if request.data is not None:
            data = request.data.read(fit_choice(estimator, request, partial(self.limit.check_fit, estimator, params)))
            self.check_fit_table(estimator, params, data)
        else:
            data = choose_source(self._sources, request, estimator.task)
            if shape := source_shape(self._sources, data):
                rows, inputs = shape
                self.limit.check_fit(estimator, params, inputs, rows)
        gate = (
            None if request.promote is None else checked_gate(request.promote, estimator, self._sources, request.target)
        )
        return Work("fit", name, None, params, data, request.timeout, webhook, estimator=made_of, promote=gate)

    def check_fit_table(self, estimator: AnyEstimator, params: dict[str, Any], table: Table) -> None:
        """Raise Invalid for a table to which an estimator cannot be fitted: without y, with weights, or too large."""
        y = require_y(table)
        if table.weight is not None:
            check_takes_weights(estimator, "/data/sample_weight")
            check_weight(table)
        rows, width = table.X.shape
        inputs = width if table.kinds is None else Design(learn_schema(table).columns).groups
        self.limit.check_fit(estimator, params, inputs, rows, len(table.labels or ()) or _shape(y)[1])

    def _check_use(self, verb: Verb, name: str, request: Request, fitted: Fitted) -> Work:
        manifest = fitted.manifest
        if fitted.estimator.files is not None:
            check_no_rows(fitted.estimator, request)
            raise Invalid.at("/file", f"the model {name!r} takes a file; send it as the body, or as the field `file`")
        if request.weight is not None and not VERBS[verb].needs_y:
            raise Invalid.at("/weight", f"the rows of a {verb} have no weights")
        if request.keep and VERBS[verb].needs_y:
            raise Invalid.at("/keep", f"a {verb} has no rows to keep columns with")
        outputs = check_outputs(verb, request.outputs, manifest) if request.outputs else []
        data: Table | Source
        if request.data is not None:
            data = self.use_table(verb, request.data.read(use_choice(verb, fitted, request)), fitted, outputs)
        elif request.source is None and manifest.data.get("origin", {}).get("source") != DEFAULT_SOURCE:
            raise Invalid.at("/data", f"there is no data to {verb}: send X, or name a source: {listed(self._sources)}")
        else:
            width = len(manifest.schema.inputs) + len(manifest.schema.unused)
            needs_y = VERBS[verb].needs_y
            data = choose_source(self._sources, request, manifest.task, inputs=width, needs_y=needs_y)
            if shape := source_shape(self._sources, data):
                check_width(shape[1], manifest.schema, data)
                self._check_rows(verb, shape[0], fitted, outputs)
        webhook = _webhook(request)
        return Work(verb, name, manifest.version, {}, data, request.timeout, webhook, outputs=outputs)

    def use_table(self, verb: Verb, table: Table, fitted: Fitted, outputs: Sequence[str]) -> Table:
        """Return the part of a table that the verb needs; raise Invalid as `needed` does, or for too many rows."""
        found = needed(verb, table, fitted)
        self._check_rows(verb, len(found.X), fitted, outputs)
        return found

    def _check_rows(self, verb: Verb, rows: int, fitted: Fitted, outputs: Sequence[str]) -> None:
        if rows > fitted.unchecked_rows:
            self.limit.check_use(fitted.model, fitted.estimator.name, rows, len(fitted.manifest.schema.outputs))
        most = fitted.max_full_answer_rows if outputs else fitted.max_answer_rows
        if rows > most and not VERBS[verb].needs_y:
            raise Invalid.at("/data", f"{rows} rows are too many for one answer, at most {most}")


def _shape(values: Matrix) -> tuple[int, int]:
    """Return rows and columns; a vector is one column."""
    return values.shape[0], values.shape[1] if values.ndim > 1 else 1


def _webhook(request: Request) -> str | None:
    return request.webhook.url if request.webhook else None
