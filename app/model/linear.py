"""The base of models that are linear in their coefficients: a streamed fit in a scaled basis, and predictions."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import inf, log10
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.model.base import Regressor
from app.model.basis import Basis
from app.model.dataframes import Array, column_names
from app.model.predictor import Predictor
from app.model.progress import report
from app.model.sklearn_compat import not_fitted
from app.model.solution import Observations, solve
from app.model.terms import Terms
from app.model.validation import check_names, check_pair, check_rows, check_weight, limits

MAX_TERMS = 2**15
"""More terms would need a triangle of over 8 GB."""
TRIANGLES = 5  # the triangle, the stack in which it is merged, and copies of both: measured
OUTPUTS_AT_ONCE = 16
"""Outputs fitted in one pass over the rows, or as many as there are terms: more would cost more than a new pass."""
SAMPLE = 2**14
"""So many rows are enough to find the centre of each input."""
LOSSY_CONDITION = 1e8
"""From this condition number on, half of the digits of float64 depend on rounding in the data."""


class LinearRegressor(Regressor):
    """Least squares on the terms that `_terms` names.

    Learned: `coefficients_` (terms,) or (terms, k) in units of the data; `scaled_coefficients_`, shaped alike, in the
    scaled basis of `centre_` (p,) and `scale_` (p,), used to predict; `rank_`, below the number of terms when some are
    redundant or rows too few; `condition_`, of the terms in the scaled basis, each scaled to about unit length, and
    infinite below the full rank; `redundant_`, the last terms that depend on terms before them; `rows_`, the number of
    rows with weight; `n_features_in_`; and `names_` if X was a data frame. Stored with them: `indicators_`, the
    groups from `set_indicators`, if there are any.
    """

    batchable = True  # see Predictor

    coefficients_: Array
    scaled_coefficients_: Array
    centre_: Array
    scale_: Array
    rank_: int
    condition_: np.float64
    redundant_: list[int]
    rows_: int
    n_features_in_: int
    indicators_: Sequence[int | None] = ()
    names_: list[str]
    _predictor: Predictor

    @abstractmethod
    def _terms(self, inputs: int) -> Terms:
        """Return the terms for this number of inputs, as if none were an indicator."""

    def set_indicators(self, groups: Sequence[int | None]) -> None:
        """Set which columns of X are indicators: their powers, and products within a group, are not terms."""
        self.__dict__.pop("indicators_", None)
        if any(group is not None for group in groups):
            self.indicators_ = list(groups)

    def _layout(self, inputs: int) -> Terms:
        """Return the terms for this number of inputs; ValueError unless it is that of `set_indicators`."""
        if self.indicators_ and len(self.indicators_) != inputs:
            raise ValueError(f"X has {inputs} columns, but set_indicators was given {len(self.indicators_)}.")
        return replace(self._terms(inputs), indicators=tuple(self.indicators_))

    def n_terms(self, n_inputs: int) -> int:
        """Return the number of coefficients for `n_inputs` inputs, the intercept included."""
        return self._layout(n_inputs).count

    def design_bytes(self, rows: int, inputs: int) -> int:
        """Return the bytes of the design matrix, or of the triangle and its workspace if they are larger."""
        terms = self.n_terms(inputs)
        height = min(rows, terms) if terms <= MAX_TERMS else terms
        return max(rows * terms, TRIANGLES * height * terms) * 8

    def held_bytes(self) -> int:
        """Return the bytes of the arrays and of the predictor's own copy of the coefficients."""
        return super().held_bytes() + self._predictor.held_bytes()

    def terms(self, names: list[str]) -> list[str]:
        """Name the terms, the intercept "1" first, then by total degree, then by the order of the inputs."""
        return self._layout(len(names)).names(names)

    def diagnostics(self) -> dict[str, int | float]:
        """Return rank, number of terms, and condition number."""
        return {"rank": self.rank_, "terms": len(self.coefficients_), "condition": float(self.condition_)}

    def warnings(self, names: list[str]) -> list[str]:
        """Warn of fewer rows than terms, of redundant terms, and of terms so similar that digits are lost."""
        terms, missing, condition = (
            len(self.coefficients_),
            len(self.coefficients_) - self.rank_,
            float(self.condition_),
        )
        found = []
        if self.rows_ < terms:
            found.append(
                f"there are fewer rows than terms ({self.rows_} and {terms}): many coefficients fit equally well, "
                "and r2 says nothing about new data"
            )
        if self.rank_ < min(self.rows_, terms):
            all_terms = self.terms(names)
            listed = ", ".join(all_terms[k] for k in self.redundant_)
            more = missing - len(self.redundant_)
            verb = "is" if missing == 1 else "are"
            found.append(
                f"{missing} of {terms} terms {verb} redundant: {listed}" + (f" and {more} more" if more else "")
            )
        if LOSSY_CONDITION <= condition < inf:
            found.append(
                f"the terms nearly depend on each other (condition {condition:.1e}): about "
                f"{int(log10(condition))} of the 16 digits of the coefficients are lost"
            )
        return found

    @property
    def coef_(self) -> Array:
        """The coefficients of the inputs in scikit-learn's shape: (p,), or (k, p) for a y (n, k)."""
        return self._by_input()[self._terms(self.n_features_in_).first :].T

    @property
    def intercept_(self) -> Array | float:
        """The constant term in scikit-learn's shape: a number, or (k,) for a y (n, k); 0.0 if there is none."""
        found = self._by_input()
        if not self._terms(self.n_features_in_).intercept:
            return 0.0
        return float(found[0]) if found.ndim == 1 else found[0]

    def _by_input(self) -> Array:
        """Return `coefficients_`; raise AttributeError unless each input has one coefficient."""
        if not hasattr(self, "n_features_in_"):
            raise not_fitted(self)
        if self._terms(self.n_features_in_).degree > 1:
            raise AttributeError("there are no coefficients of inputs but of terms: see `terms` and `coefficients_`")
        return self.coefficients_

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """The names of the columns of the fitted data frame, as in scikit-learn."""
        if not hasattr(self, "names_"):
            raise AttributeError("feature_names_in_ exists only after a fit to a data frame with column names")
        return np.array(self.names_, dtype=object)

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to X (n, p) and y (n,) or (n, k); `sample_weight` (n,) has a factor for each row's squared error.

        Raises ValueError for wrong parameters or shapes, NaN, infinity, values too large, and too many terms.
        """
        self.check_parameters()
        rows, targets = check_pair(X, y)
        weight = check_weight(sample_weight, len(rows))
        names = column_names(X)
        if weight is not None and not weight.all():  # rows with weight 0 must not change the basis either
            counted = weight > 0
            rows, targets, weight = rows[counted], targets[counted], weight[counted]
        terms = self._layout(rows.shape[1])
        if terms.count > MAX_TERMS:
            raise ValueError(f"{terms.count} terms are too many for one fit (at most {MAX_TERMS}).")
        try:
            with np.errstate(all="ignore"):  # an overflow ends in the error below
                # the basis of degree one needs only a centre, for which some rows are enough
                sample = rows if terms.degree > 1 else rows[:: max(1, len(rows) // SAMPLE)]
                data = Observations.of(rows, targets.reshape(len(targets), -1), weight)
                self._learn(Basis.spanning(terms, *limits(sample)), data, targets.shape[1:])
        except OverflowError:
            limits(rows)
            limits(targets.reshape(len(targets), -1), name="y")
            raise ValueError("The values of X or y are too large: what is fitted to them is beyond float64.") from None
        self.__dict__.pop("names_", None)
        if names is not None:
            self.names_ = names
        return self

    def _learn(self, basis: Basis, data: Observations, shape: tuple[int, ...]) -> None:
        """Fit a few outputs at a time; `shape` is the shape of one row of y."""
        terms, outputs = basis.terms.count, data.y.shape[1]
        scaled = np.empty((terms, outputs), dtype=np.longdouble)
        at_once = max(OUTPUTS_AT_ONCE, terms)
        starts = range(0, outputs, at_once)
        for done, k in enumerate(starts):
            group = slice(k, k + at_once)
            found = solve(basis, data.outputs(group), partial(_report, done, len(starts)))
            scaled[:, group] = found.coefficients
        self.coefficients_ = basis.to_units(scaled).reshape(terms, *shape)
        self.scaled_coefficients_ = scaled.astype(np.float64).reshape(terms, *shape)
        self.centre_, self.scale_ = basis.centre, basis.scale
        self.rank_, self.redundant_ = found.rank, found.redundant
        self.condition_ = np.float64(found.condition)  # stored as an array: JSON has no infinity
        self.rows_, self.n_features_in_ = len(data.X), basis.terms.inputs
        self.prepare()

    def prepare(self) -> None:
        """Build the predictor from the learned attributes."""
        basis = Basis(self._layout(self.n_features_in_), self.centre_, self.scale_)
        coefficients = self.scaled_coefficients_.reshape(basis.terms.count, -1)
        self._predictor = Predictor(basis, coefficients, flat=self.scaled_coefficients_.ndim == 1)

    def predict(self, X: ArrayLike) -> Array:
        """Predict for X (m, p), shaped as y was; ValueError for a wrong width, NaN, infinity, or before a fit."""
        if not hasattr(self, "_predictor"):
            raise not_fitted(self)
        check_names(self, X)
        return self._predictor(check_rows(X, of=self))

    def predict_checked(self, X: Array) -> Array:
        """Predict for an X that was checked before."""
        return self._predictor(X)


def _report(groups_done: int, groups: int, share: float) -> None:
    """Report the progress of a fit, for one group of outputs after another."""
    report((groups_done + share) / groups)
