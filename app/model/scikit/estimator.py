"""An object of scikit-learn in a module of TRINITY_MODELS as an estimator: each fit uses a clone."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils.validation import has_fit_parameter

from app.model.estimator import FitData, Size, Stored
from app.model.scikit.fitted import SKOPS_FILE, FitLayout, SklearnModel, dump_estimator, load_estimator
from app.model.scikit.inputs import form_of, rows_of
from app.model.scikit.library_errors import call_estimator
from app.model.scikit.parameters import frozen, leaves, native, parameters_of, parts
from app.model.scikit.trusted_types import TRUSTED
from app.model.sklearn_compat import BaseEstimator
from app.schemas.columns import KINDS, Kind
from app.schemas.decoding import convert
from app.schemas.tasks import Better, Format, Task


def is_estimator(thing: object) -> bool:
    """Whether this is a regressor or classifier of scikit-learn, and neither a class nor a model of Trinity."""
    if inspect.isclass(thing) or isinstance(thing, BaseEstimator) or not hasattr(thing, "__sklearn_tags__"):
        return False
    return bool(is_regressor(thing) or is_classifier(thing))


class SklearnEstimator:
    """A regressor, classifier or pipeline that is a variable of a module."""

    format: Format = "skops"
    kinds: frozenset[Kind] = frozenset(KINDS)
    takes_missing = True  # the estimator itself refuses them or fills them in
    files = None
    reads_texts = True
    text_columns: Collection[str] = ()
    cannot_fit = ""
    metrics: Mapping[str, Better] = MappingProxyType({})

    def __init__(self, name: str, template: Any, module: str, trusted: frozenset[str] = TRUSTED) -> None:
        """`trusted` are the types that a stored estimator may hold."""
        self.name = name
        self._template = template
        self._module = module
        self._trusted = trusted

    @cached_property
    def task(self) -> Task:
        """The kind of its models' predictions."""
        return "classification" if is_classifier(self._template) else "regression"

    @cached_property
    def description(self) -> str:
        """The steps of a pipeline, or the first sentence about the class."""
        steps = getattr(self._template, "steps", None)
        if steps:
            return f"{', then '.join(type(step).__name__ for _, step in steps)}."
        first = (inspect.getdoc(type(self._template)) or "").partition("\n")[0]
        return f"{type(self._template).__name__}: {first}"

    @property
    def source(self) -> str:
        """The module and the name in it."""
        return f"{self._module}.{self.name}"

    @cached_property
    def takes_weights(self) -> bool:
        """Whether `fit` of the last step takes `sample_weight`."""
        return bool(has_fit_parameter(_last(self._template)[0], "sample_weight"))

    @cached_property
    def modules(self) -> Sequence[str]:
        """The module of the object, those of the classes of its parts, and the library that stores them."""
        return [self._module, *sorted({type(part).__module__ for part in parts(self._template)}), "skops.io"]

    def parameters(self) -> type[msgspec.Struct]:
        """Return the parameters that requests may set."""
        return self._parameters

    @cached_property
    def _parameters(self) -> type[msgspec.Struct]:
        return parameters_of(self._template, "".join(part.capitalize() for part in self.name.split("_")))

    def check(self, params: Mapping[str, Any]) -> None:
        """Raise ValueError for parameters that scikit-learn's own checks refuse."""
        for part in parts(self._with(params)):
            if hasattr(part, "_parameter_constraints"):
                part._validate_params()  # noqa: SLF001  a fit begins with it; here it runs before there is a job

    def size(self, params: Mapping[str, Any], inputs: int | Sequence[int | None], rows: int) -> Size:  # noqa: ARG002
        """Return one term for each column of the table."""
        if isinstance(inputs, int):
            width = inputs
        else:
            width = sum(group is None for group in inputs) + len({group for group in inputs if group is not None})
        return Size(width, rows * width * 8)

    def fit(self, params: Mapping[str, Any], data: FitData) -> SklearnModel:
        """Fit a clone with these parameters; raise its errors, or ModelFailed if it cannot be stored."""
        estimator = self._with(params)
        form = form_of(estimator, data.columns)
        rows = rows_of(data.X, data.columns, data.texts, form)
        last, prefix = _last(estimator)
        weights = {} if data.weight is None else {f"{prefix}sample_weight": data.weight}
        layout = FitLayout(form, None if data.y.ndim == 1 else data.y.shape[1], coded=_takes_codes(last))
        try:
            call_estimator(estimator.fit, rows, _targets(data, coded=layout.coded), **weights)
        except MemoryError:
            raise ValueError("the fit needs more memory than there is") from None
        file = dump_estimator(estimator, self._trusted)
        return SklearnModel(self.name, estimator, data.columns, data.classes, layout, file)

    def load(self, stored: Stored) -> SklearnModel:
        """Load the skops file; raise ModelFailed for types that are not trusted."""
        file = bytes(stored.files[SKOPS_FILE])
        estimator = load_estimator(file, self._trusted)
        layout = FitLayout(**stored.learned)
        return SklearnModel(self.name, estimator, stored.columns, stored.classes, layout, file).without_file()

    def misfit(self, params: Mapping[str, Any]) -> str:  # noqa: ARG002  part of the protocol
        """Return nothing: a version holds all of its estimator."""
        return ""

    def _with(self, params: Mapping[str, Any]) -> Any:
        """Return a clone with the parameters that differ from the object's, converted to the types of the schema.

        A queued request has lists instead of tuples.
        """
        asked = msgspec.structs.asdict(convert(params, self._parameters))
        estimator = clone(self._template)
        changed = {
            key: native(asked[key], owner, key.rpartition("__")[2])
            for key, present, owner in leaves(self._template)
            if key in asked and not _same(asked[key], frozen(present))
        }
        return estimator.set_params(**_quiet(estimator), **changed)


def _quiet(estimator: Any) -> dict[str, Any]:
    """Return the parameters that make an estimator start no threads, write no caches, and print nothing."""
    found: dict[str, Any] = {}
    present = estimator.get_params(deep=True)
    for key, value in present.items():
        owner, _, name = key.rpartition("__")
        match name:
            case "n_jobs" | "nthread":  # None means one thread for scikit-learn, and all threads for other libraries
                if value is not None or not type(present.get(owner, estimator)).__module__.startswith("sklearn."):
                    found[key] = 1
            case "memory":
                found[key] = None
            case "verbose" if isinstance(value, int) and value > 0:  # LightGBM's -1 is quieter than its 0
                found[key] = type(value)(0)
    return found


def _same(value: Any, present: Any) -> bool:
    return type(value) is type(present) and bool(value == present)


def _last(estimator: Any) -> tuple[Any, str]:
    """Return the last step of a pipeline, also of a nested one, and the prefix of its arguments of `fit`."""
    steps = getattr(estimator, "steps", None)
    if not steps:
        return estimator, ""
    name, step = steps[-1]
    last, prefix = _last(step)
    return last, f"{name}__{prefix}"


def _takes_codes(last: Any) -> bool:
    """Whether classes must be 0, 1, 2 …, as XGBoost requires."""
    return type(last).__module__.partition(".")[0] == "xgboost"


def _targets(data: FitData, *, coded: bool) -> Any:
    """Return y in the form for the last step; a single column of numbers becomes a vector."""
    if data.classes is not None:
        codes = data.y.astype(np.intp)
        return codes if coded else np.array(data.classes)[codes]
    return data.y.ravel() if data.y.ndim == 1 or data.y.shape[1] == 1 else data.y
