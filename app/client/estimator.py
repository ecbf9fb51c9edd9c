"""A model of the service as an estimator with scikit-learn's interface; scikit-learn is not needed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from inspect import Parameter, Signature
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from app.client.dataframes import Rows, to_rows, to_rows_and_targets
from app.client.encoding import encode_arrays
from app.client.session import Session
from app.model.dataframes import Array, default_names
from app.model.sklearn_compat import BaseEstimator, not_fitted
from app.model.validation import check_width, warn_of_missing_names


class Estimator(BaseEstimator):
    """A model over HTTP. Its parameters are attributes; attributes that `fit` sets end in `_`.

    `version_`: the number of the fitted version; `terms_` and `coefficients_` (terms,) or (terms, k), in the same
    order; `metrics_` on the data of the fit; `n_features_in_`; `feature_names_in_` (p,) after a fit to a data frame.
    `predict` and `score` use this version, even if others fit the model meanwhile.
    """

    client: ClassVar[Session]
    model_name: ClassVar[str]

    version_: int
    n_features_in_: int
    terms_: list[str]
    coefficients_: Array
    metrics_: dict[str, float | int | None]
    feature_names_in_: NDArray[np.object_]

    def fit(self, X: Any, y: Any) -> Self:
        """Fit X (n, p) to y (n,) or (n, k) on the service: arrays, lists, pandas or polars frames of finite numbers.

        Raise ValueError (Invalid, with pointers) for parameters and data that are not valid, and the errors of
        `Client.submit`.
        """
        given, targets = to_rows_and_targets(X, y)
        body = encode_arrays(given, targets, params=self.get_params())
        result = self.client.submit("fit", body, self.model_name).result()
        return self._set_fitted(result, given.X.shape[1], given.names)

    def predict(self, X: Any) -> Array:
        """Return predictions for X (m, p): (m,) if y was 1-D, (m, k) if it was (n, k).

        Columns of a data frame may be in another order than in the fit. Raise NotFittedError before a fit, ValueError
        for other columns.
        """
        self._check_fitted()
        return self.client.predict_rows(self._matched(to_rows(X)), self.model_name, self.version_)

    def score(self, X: Any, y: Any) -> float:
        """Return R² of the predictions for X (m, p) against y, the uniform average over outputs; NaN for one row.

        Raise as `predict` does.
        """
        self._check_fitted()
        given, targets = to_rows_and_targets(X, y)
        body = encode_arrays(self._matched(given), targets, version=self.version_)
        r2 = self.client.submit("score", body, self.model_name).result()["r2"]
        return math.nan if r2 is None else float(r2)

    def load_manifest(self, manifest: Mapping[str, Any]) -> Self:
        """Set the fitted attributes from a version's manifest."""
        inputs: list[str] = manifest["schema"]["inputs"]
        names = None if inputs == default_names("x", len(inputs)) else inputs
        return self._set_fitted(manifest, len(inputs), names)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the parameters and fitted attributes; the class is made again where it is unpickled."""
        return _unpickled, (self.client, self.model_name), dict(vars(self))

    def _check_fitted(self) -> None:
        if not hasattr(self, "version_"):
            raise not_fitted(self)

    def _matched(self, given: Rows) -> Rows:
        """Return the rows as the fitted version takes them; warn if only it or they have names of columns.

        Columns may be in another order than in the fit: they are sent with their names, and the service sorts them.
        Raise ValueError for another number of columns.
        """
        fitted, title = list(getattr(self, "feature_names_in_", ())), type(self).__name__
        check_width(given.X, self.n_features_in_, title)
        warn_of_missing_names(given.names, fitted, title)
        return given if fitted else Rows(given.X)

    def _set_fitted(self, result: Mapping[str, Any], width: int, names: list[str] | None) -> Self:
        self.version_, self.n_features_in_ = result["version"], width
        self.terms_, self.metrics_ = result["terms"], result["metrics"]
        if "coefficients" in result:
            self.coefficients_ = np.asarray(result["coefficients"], dtype=np.float64)
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self


def estimator_class(client: Session, name: str) -> type[Estimator]:
    """Return the estimator class of a model, the same one each time; raise NotFound."""
    if name not in client.estimator_classes:
        client.estimator_classes[name] = _make_class(client, name, client.models(name)["params"])
    return client.estimator_classes[name]


def _make_class(client: Session, name: str, schema: Mapping[str, Any]) -> type[Estimator]:
    """Make the class from the JSON Schema of the model's parameters.

    Its `__init__` has a real signature, because scikit-learn's `clone` and Python's `help` read it.
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

    vars(__init__)["__signature__"] = signature  # the inspect module reads it
    title = "".join(part.capitalize() for part in name.replace("_", "-").split("-"))
    members = {"__init__": __init__, "client": client, "model_name": name}
    return type(title, (Estimator,), {**members, "__doc__": schema.get("description"), "__module__": __name__})


def _unpickled(client: Session, name: str) -> Estimator:
    """Return an estimator without attributes; pickle sets them afterwards."""
    kind = estimator_class(client, name)
    return kind.__new__(kind)
