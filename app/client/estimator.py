"""A model of the service as an estimator with scikit-learn's interface; scikit-learn is not needed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from app.client.caller_warnings import warn_of
from app.client.coefficients import Linear, linear
from app.client.dataframes import ColumnChoice, Names, Rows, check_not_missing, to_rows, to_rows_and_targets, to_targets
from app.client.descriptions import describe
from app.client.encoding import encode_arrays
from app.client.session import Session
from app.model.dataframes import Array, default_names
from app.model.sklearn_compat import BaseEstimator, not_fitted
from app.model.validation import check_weight, check_width, warn_of_missing_names


class Estimator(BaseEstimator):
    """A model over HTTP. Its parameters are attributes; attributes that `fit` sets end in `_`.

    `version_`: the number of the fitted version; `schema_`: its columns, as the service stores them; `terms_` and
    `coefficients_` (terms,) or (terms, k), in the same order; `metrics_` on the data of the fit; `n_features_in_`, the
    number of inputs; `feature_names_in_`, their names after a fit to named columns.
    `coef_` and `intercept_` are those of scikit-learn's linear models, if the model is linear in its inputs.
    `predict` and `score` use this version, even if others fit the model meanwhile.
    """

    client: ClassVar[Session]
    model_name: ClassVar[str]
    takes_missing: ClassVar[bool]
    metric: ClassVar[str] = "r2"
    """The metric that `score` returns."""

    version_: int
    schema_: dict[str, Any]
    n_features_in_: int
    terms_: list[str]
    coefficients_: Array
    metrics_: dict[str, float | int | None]
    feature_names_in_: NDArray[np.object_]

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        weight: str | None = None,
        inputs: Names = None,
        ignore: Names = None,
    ) -> Self:
        """Fit X (n, p) to y (n,) or (n, k) on the service.

        X is an array, a list of rows or of dicts, a dict of columns, or a frame of pandas, polars or Arrow. Its columns
        hold numbers, texts, truth values or times, and missing values if the model accepts them. `inputs` names the
        columns to use, or `ignore` those to leave out; without names they are x1, x2 … `sample_weight` (n,) has the
        weight of each row, or `weight` names a column of X with the weights.
        Raise ValueError (Invalid, with pointers) for parameters and data that are not valid, and the errors of
        `Client.submit`. Issue a UserWarning for each warning of the service.
        """
        choice = ColumnChoice.of(inputs, ignore, weight)
        given, targets = to_rows_and_targets(X, y, choice, to_y=self.to_y)
        self._check_missing(given)
        weights = check_weight(sample_weight, len(targets))
        body = encode_arrays(given, targets, weights, params=self.get_params(), **choice._asdict())
        result = self.client.submit("fit", body, self.model_name).result()
        self._set_fitted(result, self.client.version(self.model_name, result["version"]))
        self._take_y(targets)
        if given.names is not None:
            self.feature_names_in_ = np.array(self.schema_["inputs"], dtype=object)
        warn_of(result)
        return self

    def predict(self, X: Any) -> Array:
        """Return predictions for X (m, p): (m,) if y was 1-D, (m, k) if it was (n, k).

        Named columns may be in another order than in the fit; columns that the fit did not use are skipped.
        Raise NotFittedError before a fit, ValueError for other columns.
        """
        given = self._matched(to_rows(X, self._unused(), drop=True))
        return self.client.predict_rows(given, self.model_name, self.version_)

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, weight: str | None = None) -> float:
        """Return R² of the predictions for X (m, p) against y, the uniform average over outputs; NaN for one row.

        For a classifier it is the accuracy. The rows may be weighted as in `fit`. Raise as `predict` does.
        """
        choice = self._unused(but=weight)
        given, targets = to_rows_and_targets(X, y, choice, drop=True, to_y=self.to_y)
        weights = check_weight(sample_weight, len(targets))
        body = encode_arrays(self._matched(given), targets, weights, version=self.version_, weight=choice.weight)
        result = self.client.submit("score", body, self.model_name).result()
        warn_of(result)
        found = result[self.metric]
        return math.nan if found is None else float(found)

    @property
    def coef_(self) -> Array:
        """The coefficients of the inputs: (p,), or (k, p) for y (n, k); AttributeError if the model is not linear."""
        return self._linear().coef

    @property
    def intercept_(self) -> Array | float:
        """The prediction where all inputs are 0: a number, or (k,) for y (n, k); AttributeError as for `coef_`."""
        return self._linear().intercept

    def load_manifest(self, manifest: Mapping[str, Any]) -> Self:
        """Set the fitted attributes from a version's manifest."""
        schema = manifest["schema"]
        self._set_fitted(manifest, manifest)
        earlier = not schema.get("columns")  # an earlier release stored only the names
        if schema.get("named_inputs") or (earlier and schema["inputs"] != default_names("x", self.n_features_in_)):
            self.feature_names_in_ = np.array(schema["inputs"], dtype=object)
        return self

    def __repr__(self) -> str:
        """Show the parameters, and the columns of the version after a fit."""
        shown = super().__repr__()
        return f"{shown} version {self.version_}: {describe(self.schema_)}" if hasattr(self, "schema_") else shown

    def __str__(self) -> str:
        """Show the parameters."""
        return super().__repr__()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the parameters and fitted attributes; unpickling creates the class again."""
        return unpickled, (self.client, self.model_name), dict(vars(self))

    @staticmethod
    def to_y(y: Any) -> NDArray[Any]:
        """Return y in the form of a request: numbers (n,) or (n, k); raise ValueError for anything else."""
        return to_targets(y)

    def _take_y(self, y: NDArray[Any]) -> None:
        """Store facts about the y of a fit that predictions need."""

    def _linear(self) -> Linear:
        if not hasattr(self, "coefficients_"):
            raise AttributeError("coef_ and intercept_ are known after `fit`, of a model with coefficients")
        found = linear(self.terms_, self.coefficients_, self.schema_["inputs"])
        if found is None:
            raise AttributeError(
                f"coef_ and intercept_ need a model of one term for each input, not {self.terms_[:10]}"
            )
        return found

    def _unused(self, but: str | None = None) -> ColumnChoice:
        """Return the columns that the version skips; `but` has the weights. Raise NotFittedError before a fit."""
        if not hasattr(self, "version_"):
            raise not_fitted(self)
        schema, weight = self.schema_, ColumnChoice.of(weight=but).weight
        unused = [*schema.get("unused", []), *(schema["outputs"] if schema.get("named") else [])]
        return ColumnChoice(ignore=[name for name in unused if name != weight], weight=weight)

    def _check_missing(self, given: Rows) -> None:
        if not self.takes_missing:
            check_not_missing(given)

    def _matched(self, given: Rows) -> Rows:
        """Return the rows in the form of the fitted version; warn if only one of them has column names.

        Columns may be in another order than in the fit: they are sent with their names, and the service reorders them.
        Raise ValueError for another number of columns, and for missing values if the model does not accept them.
        """
        self._check_missing(given)
        fitted = list(getattr(self, "feature_names_in_", ()))
        if fitted and given.names:
            return given
        whole = self.n_features_in_ + len(self.schema_.get("unused", []))
        if given.names is None and not fitted and given.X.shape[1] == whole:
            return given  # all columns of the fit's data: the service skips those that the fit did not use
        check_width(given.X, self.n_features_in_, type(self).__name__)
        warn_of_missing_names(given.names, fitted, type(self).__name__)
        return Rows(given.X)

    def _set_fitted(self, result: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
        """Set the attributes from the result of a fit, which has coefficients, and from the version's manifest."""
        schema: dict[str, Any] = manifest["schema"]
        for name in ("coefficients_", "feature_names_in_"):
            vars(self).pop(name, None)
        self.version_, self.schema_, self.n_features_in_ = result["version"], schema, len(schema["inputs"])
        self.terms_, self.metrics_ = result["terms"], result["metrics"]
        if "coefficients" in result:
            self.coefficients_ = np.asarray(result["coefficients"], dtype=np.float64)


def unpickled(client: Any, name: str) -> Estimator:
    """Return an estimator of a client without attributes; pickle sets them afterwards."""
    kind: type[Estimator] = client.kind(name)
    return kind.__new__(kind)
