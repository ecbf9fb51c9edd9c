"""A model of the service as an estimator in scikit-learn's manner; scikit-learn itself is not needed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from inspect import Parameter, Signature
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from app.client.dataframes import Matrix, Rows, matched, pair, rows
from app.client.encoding import EncodedBody, of_arrays
from app.client.jobs import JobHandle
from app.model.sklearn_compat import not_fitted, tags
from app.schemas.verbs import Verb


class Works(Protocol):
    """What an estimator needs of its client."""

    def submit(self, verb: Verb, data: EncodedBody | None = None, model: str | None = None) -> JobHandle:
        """Hand in work and wait for it."""

    def predict_rows(self, given: Rows, model: str | None, version: int | str | None) -> Matrix:
        """Return predictions for rows that were checked."""

    def kind(self, name: str) -> type[Estimator]:
        """Return the class of a model's estimators."""


class Estimator:
    """A model over HTTP; its parameters are attributes, and so is what `fit` learned, whose names end in `_`.

    `version_`: the number under which the service keeps the fit; `terms_` and `coefficients_` (terms,) or (terms, k),
    which belong together; `metrics_` on the data of the fit; `n_features_in_`; `feature_names_in_` (p,) after a fit to
    a frame. `predict` and `score` use that version, whatever others fit meanwhile.
    """

    client: ClassVar[Works]
    model_name: ClassVar[str]
    parameters: ClassVar[tuple[str, ...]]

    version_: int
    n_features_in_: int
    terms_: list[str]
    coefficients_: Matrix
    metrics_: dict[str, float | int | None]
    feature_names_in_: NDArray[np.object_]

    def fit(self, X: Any, y: Any) -> Self:
        """Have the service fit X (n, p) to y (n,) or (n, k): arrays, lists, pandas or polars frames of finite numbers.

        Raises ValueError (Invalid, with pointers) for parameters and data that can't be used, and what else
        `Client.submit` raises.
        """
        given, targets = pair(X, y)
        body = of_arrays(given.X, targets, given.names, params=self.get_params())
        result = self.client.submit("fit", body, self.model_name).result()
        return self._learn(result, given.X.shape[1], given.names)

    def predict(self, X: Any) -> Matrix:
        """Return predictions for X (m, p): (m,) when y was 1-D, (m, k) when it was (n, k).

        Columns of a frame may come in another order than in the fit. Raises NotFittedError before a fit, ValueError
        for other columns.
        """
        self._check_fitted()
        given = matched(rows(X), self._names, self.n_features_in_, type(self).__name__)
        return self.client.predict_rows(given, self.model_name, self.version_)

    def score(self, X: Any, y: Any) -> float:
        """Return R² of the predictions for X (m, p) against y, the uniform average over outputs; NaN for one row.

        Raises as `predict` does.
        """
        self._check_fitted()
        given, targets = pair(X, y)
        given = matched(given, self._names, self.n_features_in_, type(self).__name__)
        body = of_arrays(given.X, targets, given.names, version=self.version_)
        r2 = self.client.submit("score", body, self.model_name).result()["r2"]
        return math.nan if r2 is None else float(r2)

    def get_params(self, *, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - part of scikit-learn's call
        """Return the parameters by name; `deep` is scikit-learn's and changes nothing here."""
        return {name: getattr(self, name) for name in self.parameters}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; ValueError for an unknown one."""
        for name, value in params.items():
            if name not in self.parameters:
                known = list(self.parameters)
                raise ValueError(
                    f"Invalid parameter {name!r} for {type(self).__name__}. Valid parameters are: {known!r}."
                )
            setattr(self, name, value)
        return self

    def take(self, manifest: Mapping[str, Any]) -> Self:
        """Become the version that a manifest of the service tells of."""
        inputs: list[str] = manifest["schema"]["inputs"]
        unnamed = ["x"] if len(inputs) == 1 else [f"x{i}" for i in range(1, len(inputs) + 1)]
        return self._learn(manifest, len(inputs), None if inputs == unnamed else inputs)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self.get_params().items())})"

    def __sklearn_tags__(self) -> Any:
        return tags()

    def __reduce__(self) -> tuple[Any, ...]:
        """Be copied with what was learned; the class is made again on the other side."""
        return _made_again, (self.client, self.model_name), dict(vars(self))

    @property
    def _names(self) -> list[str] | None:
        return list(self.feature_names_in_) if hasattr(self, "feature_names_in_") else None

    def _check_fitted(self) -> None:
        if not hasattr(self, "version_"):
            raise not_fitted(self)

    def _learn(self, result: Mapping[str, Any], width: int, names: list[str] | None) -> Self:
        self.version_, self.n_features_in_ = result["version"], width
        self.terms_, self.metrics_ = result["terms"], result["metrics"]
        if "coefficients" in result:
            self.coefficients_ = np.asarray(result["coefficients"], dtype=np.float64)
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self


def estimator_kind(client: Works, name: str, schema: Mapping[str, Any]) -> type[Estimator]:
    """Make the class of a model's estimators; `schema` is the JSON Schema of its parameters.

    Its `__init__` has a real signature, by which scikit-learn clones estimators and people read what there is.
    """
    properties = schema.get("properties", {})
    given = [
        Parameter(each, Parameter.KEYWORD_ONLY, default=about.get("default", Parameter.empty))
        for each, about in properties.items()
    ]
    signature = Signature([Parameter("self", Parameter.POSITIONAL_OR_KEYWORD), *given])

    def __init__(self: Estimator, **params: Any) -> None:  # noqa: N807  it becomes a method
        bound = signature.bind(self, **params)
        bound.apply_defaults()
        for key in properties:
            setattr(self, key, bound.arguments[key])

    vars(__init__)["__signature__"] = signature  # inspect looks for it
    title = "".join(part.capitalize() for part in name.replace("_", "-").split("-"))
    members = {"__init__": __init__, "client": client, "model_name": name, "parameters": tuple(properties)}
    return type(title, (Estimator,), {**members, "__doc__": schema.get("description"), "__module__": __name__})


def _made_again(client: Works, name: str) -> Estimator:
    """Return an estimator without any state, which follows."""
    kind = client.kind(name)
    return kind.__new__(kind)
