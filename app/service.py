"""Fit, predict and score, and the checks before them: no HTTP, no queue, no clock of its own."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version as installed
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar

import msgspec
import numpy as np

from app.data.table import Columns, split
from app.errors import Invalid, ModelFailed, NotFitted, NotFound, Unavailable
from app.loaded import Loaded
from app.model.base import Regressor
from app.model.evaluate import evaluate
from app.pointers import located
from app.schemas import Matrix, Request, Source, Table, Verb, Version, Work
from app.store import Arrays, Manifest, Schema, Store

LOADED_VERSIONS = 32
MESSAGE_CHARACTERS = 1000  # of a model's message to its caller
SOLUTIONS = 4  # of as many outputs as there are: in the scaled basis, in the units of the data, and work
NUMBER_BYTES = 20  # of a float64 in JSON, about
P = ParamSpec("P")
T = TypeVar("T")


class Connector(Protocol):
    """A source of data: its shape is known before anything is read."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and inputs."""

    def read(self) -> tuple[Matrix, Matrix]:
        """Return X of `shape` and y."""


class SourceKind(NamedTuple):
    """How requests name a connector's parameters, and what makes the connector."""

    params: type[msgspec.Struct]
    connector: Any


class Fitted(NamedTuple):
    """A version ready to predict."""

    manifest: Manifest
    estimator: Regressor
    free_rows: int
    """Rows that may be predicted at once without a closer look at their size."""
    answer_rows: int
    """Rows whose predictions an answer can hold."""

    def held_bytes(self) -> int:
        """Count the bytes it takes."""
        return self.estimator.held_bytes()


class Service:
    """The models, by name, over a store and the sources that requests may name."""

    def __init__(
        self,
        models: Mapping[str, type[Regressor]],
        default_model: str,
        store: Store,
        sources: Mapping[str, SourceKind],
        max_design_bytes: int,
        max_answer_bytes: int,
        max_loaded_bytes: int,
    ) -> None:
        self.models = models
        self.store = store
        self._default_model = default_model
        self._sources = sources
        self._max_design_bytes = max_design_bytes
        self._max_answer_bytes = max_answer_bytes
        self._load = Loaded(
            self._load_uncached, Fitted.held_bytes, max_count=LOADED_VERSIONS, max_bytes=max_loaded_bytes
        ).get

    # --- checks: all that can be known without doing the work -------------------------------------------------------

    def model(self, name: str | None) -> tuple[str, type[Regressor]]:
        """Return a model's name and class, the default's for None; raise NotFound."""
        name = self._default_model if name is None else name
        if name not in self.models:
            raise NotFound.at("/model", f"no model {name[:64]!r}; there are {', '.join(sorted(self.models))}")
        return name, self.models[name]

    def check(self, verb: Verb, request: Request) -> Work:
        """Return the request as work that can be done; raise NotFound, NotFitted or Invalid with a pointer."""
        name, kind = self.model(request.model)
        if verb == "fit":
            params = self._check_params(kind.parameters(), request.params, "/params")
            estimator = kind(**params)
            data = self._check_training(request)
            self._check_size(estimator, *self._shape(data), outputs=_width(data))
            return Work(verb, name, None, params, data)
        fitted = self.fitted(name, request.version)
        data = self._check_application(verb, request, fitted.manifest.schema)
        rows, inputs = self._shape(data)
        if rows > fitted.free_rows:
            self._check_size(fitted.estimator, rows, inputs, outputs=len(fitted.manifest.schema.outputs))
        if verb == "predict" and rows > fitted.answer_rows:
            raise Invalid.at("/data", f"{rows} rows are too many for one answer, at most {fitted.answer_rows}")
        return Work(verb, name, fitted.manifest.version, {}, data)

    def fitted(self, name: str, version: Version | None) -> Fitted:
        """Return a version of a model; raise NotFound, or NotFitted when there is no version at all."""
        try:
            return self._load(name, self.store.resolve(name, version))
        except NotFound:
            if not self.store.versions(name):
                raise NotFitted(f"model {name!r} has not been fitted yet; POST /models/{name}/fit first") from None
            raise

    def _check_params(self, schema: type[msgspec.Struct], params: Mapping[str, Any], pointer: str) -> dict[str, Any]:
        try:
            return msgspec.structs.asdict(msgspec.convert(params, schema))
        except msgspec.ValidationError as error:
            raise located(error, root=pointer) from None

    def _check_training(self, request: Request) -> Table | Source:
        if request.table is None:
            return self._check_source(request.source or Source("dummy", {}))
        return _with_target(request.table)

    def _check_application(self, verb: Verb, request: Request, schema: Schema) -> Table | Source:
        if request.table is None:
            source = self._check_source(request.source or Source("dummy", {"inputs": len(schema.inputs)}))
            _check_width(self._shape(source)[1], schema, "/data/params/inputs")
            return source
        table = request.table
        if table.y is None and table.inputs and schema.named and set(schema.outputs) <= set(table.inputs):
            table = split(Columns(table.inputs, table.X), schema.outputs)  # the file of the fit, its target included
        table = _aligned(table, schema)
        if verb == "predict":
            return Table(table.X)
        return _scored(_with_target(table), schema)

    def _check_source(self, source: Source) -> Source:
        if source.name not in self._sources:
            raise Invalid.at(
                "/data/source", f"no source {source.name[:64]!r}; there are {', '.join(sorted(self._sources))}"
            )
        return Source(source.name, self._check_params(self._sources[source.name].params, source.params, "/data/params"))

    def _connector(self, source: Source) -> Connector:
        connector: Connector = self._sources[source.name].connector(**source.params)
        return connector

    def _shape(self, data: Table | Source) -> tuple[int, int]:
        if isinstance(data, Table):
            return data.X.shape[0], data.X.shape[1]
        return self._connector(data).shape

    def _check_size(self, estimator: Regressor, rows: int, inputs: int, outputs: int) -> None:
        terms = estimator.n_terms(inputs)
        needed = max(estimator.design_bytes(rows, inputs), rows * inputs * 8, SOLUTIONS * terms * outputs * 8)
        if needed > self._max_design_bytes:
            size = f"{rows} rows × {terms} terms and {outputs} outputs need {needed} bytes"
            raise Invalid.at("/data", f"{size}, over the limit of {self._max_design_bytes} (TRINITY_MAX_DESIGN)")

    # --- the work ---------------------------------------------------------------------------------------------------

    def run(self, work: Work, job: str, created_s: float) -> tuple[int, dict[str, Any]]:
        """Do the work; return the version made or used, and the result."""
        X, y, inputs, outputs = self._read(work.data)
        if work.verb == "fit":
            return self._fit(work, X, y, inputs, outputs, job, created_s)
        fitted = self._load(work.model, work.version or 0)  # pinned when it was checked, and versions never change
        predicted = _asked(fitted.estimator.predict_checked, X)
        _check_shape(predicted, len(X), fitted.manifest.schema)
        if work.verb == "predict":
            return fitted.manifest.version, {"y": predicted.tolist()}
        return fitted.manifest.version, _metrics(y.reshape(predicted.shape), predicted)

    def _read(self, data: Table | Source) -> tuple[Matrix, Matrix, list[str] | None, list[str] | None]:
        if isinstance(data, Source):
            return *self._connector(data).read(), None, None
        return data.X, data.y if data.y is not None else np.empty(0), data.inputs, data.outputs

    def _fit(
        self,
        work: Work,
        X: Matrix,
        y: Matrix,
        inputs: list[str] | None,
        outputs: list[str] | None,
        job: str,
        created_s: float,
    ) -> tuple[int, dict[str, Any]]:
        estimator = self.models[work.model](**work.params)
        _asked(estimator.fit, X, y)
        schema = Schema(
            inputs=inputs or default_names("x", X.shape[1]),
            outputs=outputs or default_names("y", 1 if y.ndim == 1 else y.shape[1]),
            vector=y.ndim == 1,
            named=outputs is not None,
        )
        predicted = _asked(estimator.predict_checked, X)
        _check_shape(predicted, len(X), schema)
        metrics = _metrics(y, predicted)
        arrays, learned = _split(_learned(estimator))
        manifest = self._publish(
            Manifest(
                model=work.model,
                estimator=f"{type(estimator).__module__}.{type(estimator).__qualname__}",
                params=work.params,
                schema=schema,
                terms=estimator.terms(schema.inputs),
                metrics=metrics,
                data={"origin": _origin(work.data), "rows": X.shape[0], "sha256": _digest(X, y)},
                libraries={name: installed(name) for name in ("numpy", "scipy")},
                created=datetime.fromtimestamp(created_s, UTC),
                job=job,
                learned=learned,
            ),
            arrays,
        )
        found = estimator.coefficients(schema.inputs)
        coefficients = [] if found is None else found[1].tolist()
        result = {
            "version": manifest.version,
            "terms": manifest.terms,
            "coefficients": coefficients,
            "metrics": metrics,
        }
        return manifest.version, result

    def _publish(self, manifest: Manifest, arrays: Arrays) -> Manifest:
        try:
            return self.store.publish(manifest, arrays)
        except OSError as error:  # a full disk, a folder that isn't ours
            raise Unavailable(f"the store doesn't take the version ({error.strerror}); try again") from error

    def _load_uncached(self, name: str, version: int) -> Fitted:
        manifest, arrays = self.store.load(name, version)
        estimator = self.models[name].restore(manifest.params, {**manifest.learned, **arrays})
        inputs, outputs = len(manifest.schema.inputs), len(manifest.schema.outputs)
        row_bytes = max(estimator.design_bytes(1, inputs), 8 * inputs) + 16 * outputs * max(
            1, estimator.n_terms(inputs)
        )
        answer_rows = self._max_answer_bytes // (NUMBER_BYTES * outputs)
        return Fitted(manifest, estimator, self._max_design_bytes // row_bytes, answer_rows)


def default_names(letter: str, count: int) -> list[str]:
    """Return x for one column without a name, x1, x2, … for several."""
    return [letter] if count == 1 else [f"{letter}{i}" for i in range(1, count + 1)]


def _width(data: Table | Source) -> int:
    """Return the number of outputs to fit."""
    return 1 if isinstance(data, Source) or data.y is None or data.y.ndim == 1 else data.y.shape[1]


def _asked(method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a method of a model; its ValueError is how it refuses data, as scikit-learn's estimators do."""
    try:
        return method(*args, **kwargs)
    except ValueError as error:
        words = str(error)[:MESSAGE_CHARACTERS].encode("utf-8", "replace").decode()
        raise Invalid.at("/data", words) from error


def _check_shape(predicted: Matrix, rows: int, schema: Schema) -> None:
    """Raise ModelFailed unless a model predicted what it was asked: a row for each row, shaped as y was."""
    expected = (rows,) if schema.vector else (rows, len(schema.outputs))
    if predicted.shape != expected:
        raise ModelFailed(f"predict returned an array of shape {predicted.shape}, expected {expected}")


def _learned(estimator: Regressor) -> dict[str, Any]:
    """Return what a model learned; raise ModelFailed when it can't be stored."""
    try:
        return estimator.learned()
    except TypeError as error:
        raise ModelFailed(str(error)) from error


def _with_target(table: Table) -> Table:
    if table.y is None:
        raise Invalid.at("/data/y", "y is missing")
    if len(table.y) != len(table.X):
        raise Invalid.at("/data/y", f"X has {len(table.X)} rows, y has {len(table.y)}")
    return table


def _check_width(width: int, schema: Schema, pointer: str) -> None:
    if width != len(schema.inputs):
        raise Invalid.at(
            pointer, f"X has {width} columns, the model was fitted on {len(schema.inputs)}: {', '.join(schema.inputs)}"
        )


def _aligned(table: Table, schema: Schema) -> Table:
    """Bring named columns into the order of the fit; refuse names that are missing or unknown."""
    if table.inputs is None or table.inputs == schema.inputs:
        _check_width(table.X.shape[1], schema, "/data/X/0")
        return table
    given = set(table.inputs)
    missing = [name for name in schema.inputs if name not in given]
    unknown = sorted(given.difference(schema.inputs))
    if missing or unknown:
        parts = [f"missing {', '.join(map(repr, missing))}"] * bool(missing) + [
            f"unknown {', '.join(map(repr, unknown))}"
        ] * bool(unknown)
        raise Invalid.at(table.names_at, "columns don't match those of the fit: " + "; ".join(parts))
    order = [table.inputs.index(name) for name in schema.inputs]
    return Table(np.ascontiguousarray(table.X[:, order]), table.y, schema.inputs, table.outputs, table.names_at)


def _scored(table: Table, schema: Schema) -> Table:
    """Bring the outputs to score against into the order of the fit; refuse others, and another number of them."""
    y = np.empty((1, 0)) if table.y is None else table.y
    width = y.size // len(y)
    if width != len(schema.outputs):
        raise Invalid.at("/data/y", f"y has {width} columns, the model has {len(schema.outputs)} outputs")
    if not schema.named or table.outputs is None or table.outputs == schema.outputs:
        return table
    if set(table.outputs) != set(schema.outputs):
        raise Invalid.at("/target", f"the model was fitted to {', '.join(map(repr, schema.outputs))}")
    order = [table.outputs.index(name) for name in schema.outputs]
    return Table(table.X, np.ascontiguousarray(y[:, order]), table.inputs, schema.outputs, table.names_at)


def _split(learned: Mapping[str, Any]) -> tuple[dict[str, Matrix], dict[str, Any]]:
    """Separate what goes into the archive of arrays from what goes into the manifest."""
    arrays = {key: value for key, value in learned.items() if isinstance(value, np.ndarray)}
    return arrays, {key: value for key, value in learned.items() if key not in arrays}


def _metrics(y: Matrix, predicted: Matrix) -> dict[str, int | float | None]:
    """Return how well predictions meet y; JSON has no NaN: what is not defined (R² of one row) is null."""
    metrics = evaluate(y, predicted)._asdict()
    return {key: value if math.isfinite(value) else None for key, value in metrics.items()}


def _origin(data: Table | Source) -> dict[str, Any]:
    return {"source": data.name, "params": data.params} if isinstance(data, Source) else {"source": "request"}


def _digest(X: Matrix, y: Matrix) -> str:
    digest = hashlib.sha256(repr((X.shape, y.shape)).encode())
    digest.update(np.ascontiguousarray(X).data)
    digest.update(np.ascontiguousarray(y).data)
    return digest.hexdigest()
