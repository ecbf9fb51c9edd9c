"""Users' classes as estimators: texts and truth values are converted to numbers for them, and codes to labels."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from app.model.base import Model, NotNumbers, Regressor
from app.model.class_estimators import ClassEstimator, parameter_misfit
from app.model.codes import codes_of, in_order
from app.model.dataframes import Array
from app.model.design import Design
from app.model.estimator import FitData, Size, Stored
from app.schemas.columns import Column, Kind
from app.schemas.tasks import Better, Format, Label, Stacks, Task
from app.storage.array_files import pack_arrays, unpack_arrays
from app.storage.manifest import ARRAYS_FILE

KINDS: frozenset[Kind] = frozenset({"number", "integer", "boolean", "text"})
"""The kinds of columns that have a natural form as numbers."""


@dataclass(frozen=True)
class OwnEstimator(ClassEstimator[Model]):
    """A user's class as an estimator."""

    format: Format = "arrays"
    kinds: frozenset[Kind] = KINDS
    files: ClassVar[None] = None
    reads_texts: bool = False
    text_columns: ClassVar[Collection[str]] = ()
    cannot_fit: str = ""

    @property
    def task(self) -> Task:
        """The kind of model."""
        return self.kind.task

    @property
    def takes_missing(self) -> bool:
        """The value of the class."""
        return self.kind.takes_missing

    @property
    def takes_weights(self) -> bool:
        """Whether the class' `fit` has a parameter `sample_weight`."""
        return self.kind.takes_weights()

    @property
    def metrics(self) -> Mapping[str, Better]:
        """The value of the class."""
        return self.kind.metrics if issubclass(self.kind, Regressor) else {}

    def size(self, params: Mapping[str, Any], inputs: int | Sequence[int | None], rows: int) -> Size:
        """Return the terms of the model for these inputs, and the bytes of its design matrix."""
        instance = self.kind(**params)
        if isinstance(inputs, int):
            return _size(instance, inputs, rows)
        instance.set_indicators(inputs)
        return _size(instance, len(inputs), rows)

    def fit(self, params: Mapping[str, Any], data: FitData) -> OwnModel:
        """Fit a new instance to the columns as numbers."""
        instance, design = self.kind(**params), Design(data.columns)
        instance.set_indicators(design.groups)
        X, y = design.matrix(data.X), data.y if data.classes is None else _labels(data.classes, data.y)
        if data.weight is None:  # the fit of a user's class may have no such parameter
            instance.fit(X, y)
        else:
            instance.fit(X, y, sample_weight=data.weight)
        return OwnModel(instance, data.columns, data.classes)

    def load(self, stored: Stored) -> OwnModel:
        """Restore an instance from its parameters and what it learned."""
        arrays = unpack_arrays(stored.files[ARRAYS_FILE])
        return OwnModel(self.kind.restore(stored.params, {**stored.learned, **arrays}), stored.columns, stored.classes)

    def misfit(self, params: Mapping[str, Any]) -> str:
        """Say which parameters are not those of the class: with others a version would predict otherwise."""
        return parameter_misfit(self.kind, Model, params)


class OwnModel:
    """A fitted instance of a user's class."""

    predict: Callable[[Array], Array]
    isolated = False

    def __init__(self, instance: Model, columns: Sequence[Column], classes: list[Label] | None) -> None:
        self.instance = instance
        self.classes = classes
        self._columns = columns
        self._design = design = Design(columns)
        self.width = design.width
        self._attributes, self._learned = set(vars(instance)), set[str]()
        self._predict_proba: Callable[[Array], Any] | None = getattr(instance, "predict_proba", None)
        if not isinstance(instance, Regressor):
            self.predict = self._codes
        elif design.plain:
            self.predict = instance.predict_checked
        else:
            predict_checked = instance.predict_checked
            self.predict = lambda X: predict_checked(design.matrix(X))

    def _codes(self, X: Array) -> Array:
        """Return the codes of predicted labels; raise NotNumbers for an unknown label."""
        return codes_of(self.instance.predict(self._design.matrix(X)), self.classes or [])

    def with_texts(self, texts: Mapping[int, Sequence[str]]) -> OwnModel:  # noqa: ARG002  its columns have all texts
        """Return the same model."""
        return self

    @property
    def task(self) -> Task:
        """The kind of model."""
        return self.instance.task

    @property
    def stacks(self) -> Stacks | None:
        """The value of the class."""
        batchable = self.instance.batchable
        return None if batchable is None else "exact" if batchable else "no"

    @property
    def has_probabilities(self) -> bool:
        """Whether the class has `predict_proba`."""
        return self._predict_proba is not None

    @property
    def place(self) -> str:
        """The name of the class, and the file and line of its `predict`."""
        code = inspect.unwrap(type(self.instance).predict).__code__
        return f"{self.instance.name} ({Path(code.co_filename).name}:{code.co_firstlineno})"

    def probabilities(self, X: Array) -> Array:
        """Return the result of `predict_proba`, with the columns in the order of `classes`.

        A class that the model does not have, for example because all its rows have weight 0, gets the probability 0.
        """
        if self._predict_proba is None:
            raise NotNumbers("the class has no predict_proba")
        found = np.asarray(self._predict_proba(self._design.matrix(X)), dtype=np.float64)
        own = getattr(self.instance, "classes_", None)
        return found if own is None else in_order(found, own, self.classes or [])

    def own_metrics(self, X: Array, y: Array, weight: Array | None) -> Any:
        """Return the result of the class's `score`, if it has metrics of its own."""
        if not (isinstance(self.instance, Regressor) and self.instance.metrics):
            return None
        weights = {} if weight is None else {"sample_weight": weight}
        return self.instance.score(self._design.matrix(X), y, **weights)

    def size(self, rows: int) -> Size:
        """Return the terms and the bytes of the design matrix."""
        return _size(self.instance, self.width, rows)

    def held_bytes(self) -> int:
        """Return what the instance says."""
        return self.instance.held_bytes()

    def save(self) -> Stored:
        """Return parameters, plain values, and the arrays in a file of their own."""
        learned = self.instance.learned()
        self._learned = set(learned)
        arrays = {key: value for key, value in learned.items() if isinstance(value, np.ndarray)}
        plain = {key: value for key, value in learned.items() if key not in arrays}
        files = {ARRAYS_FILE: pack_arrays(arrays)}
        return Stored(self.instance.get_params(), plain, files, self._columns, self.classes)

    @property
    def attributes(self) -> Collection[str]:
        """The instance's current parameters."""
        return vars(self.instance).keys()

    def unkept(self, restored: Collection[str] | None = None) -> list[str]:
        """Return advice on attributes that are neither learned nor parameters, and that the restored model lacks."""
        others = self.instance.get_params() if restored is None else restored
        return [_advice(name) for name in sorted(self._attributes - self._learned - set(others))]

    def terms(self) -> list[str]:
        """Name the terms."""
        return self.instance.terms(self._design.names)

    def coefficients(self) -> Array | None:
        """Return the coefficients of the terms."""
        found = self.instance.coefficients(self._design.names)
        return None if found is None else found[1]

    def diagnostics(self) -> Mapping[str, int | float]:
        """Return what the instance says."""
        return self.instance.diagnostics()

    def warnings(self) -> list[str]:
        """Return what the instance says."""
        return self.instance.warnings(self._design.names)


def _size(instance: Model, width: int, rows: int) -> Size:
    design_bytes = max(instance.design_bytes(rows, width), rows * width * 8)
    return Size(instance.n_terms(width), design_bytes, instance.solution_copies)


def _labels(classes: list[Label], codes: Array) -> Any:
    return np.array(classes)[codes.astype(np.intp)]


def _advice(name: str) -> str:
    """Return the advice that an attribute is not stored, with a name that would be."""
    new = _stored_name(name)
    return f"`{name}` is not stored" + (f"; call it `{new}`" if new != name else "")


def _stored_name(name: str) -> str:
    """Return a name that is stored: `mean_` for `_mean`, `mean`, `_mean_`, and for the `__mean` of a class."""
    own = name.rpartition("__")[2] if name.startswith("_") and not name.endswith("__") else name
    return own.strip("_") + "_"
