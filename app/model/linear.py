"""The base of models that are linear in their coefficients: a streamed fit in a scaled basis, and predictions."""

from abc import abstractmethod
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.model.base import Regressor
from app.model.basis import Basis
from app.model.dataframes import Array, column_names
from app.model.least_squares import Triangle
from app.model.predictor import Predictor
from app.model.progress import report
from app.model.sklearn_compat import not_fitted
from app.model.terms import Terms
from app.model.validation import check_names, check_pair, check_rows, check_weight, limits

MAX_TERMS = 2**15
"""More terms make a triangle of over 8 GB."""
TRIANGLES = 5  # the triangle, the stack it is merged in and copies of both: measured
OUTPUTS_AT_ONCE = 16
"""Outputs fitted in one pass over the rows, or as many as there are terms: more would cost more than a new pass."""
SAMPLE = 2**14
"""So many rows are enough to find the centre of each input."""


class LinearRegressor(Regressor):
    """Least squares on the terms that `_terms` names.

    Learned: `coefficients_` (terms,) or (terms, k) in units of the data; `scaled_coefficients_`, shaped alike, in the
    scaled basis of `centre_` (p,) and `scale_` (p,), used to predict; `rank_`, below the number of terms when some are
    redundant or rows too few; `n_features_in_`; and `names_` where X was a data frame.
    """

    batchable = True  # see Predictor

    coefficients_: Array
    scaled_coefficients_: Array
    centre_: Array
    scale_: Array
    rank_: int
    n_features_in_: int
    names_: list[str]
    _predictor: Predictor

    @abstractmethod
    def _terms(self, inputs: int) -> Terms:
        """Return the terms for this number of inputs."""

    def n_terms(self, n_inputs: int) -> int:
        """Return the number of coefficients for `n_inputs` inputs, the intercept included."""
        return self._terms(n_inputs).count

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
        return self._terms(len(names)).names(names)

    @property
    def coef_(self) -> Array:
        """The coefficients of the inputs in scikit-learn's shape: (p,), or (k, p) for a y (n, k)."""
        return self._by_input()[self._terms(self.n_features_in_).first :].T

    @property
    def intercept_(self) -> Array | float:
        """The constant term as scikit-learn has it: a number, or (k,) for a y (n, k); 0.0 without one."""
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
        """The names of the columns of the fitted data frame, as scikit-learn gives them."""
        if not hasattr(self, "names_"):
            raise AttributeError("feature_names_in_ exists only after a fit to a data frame with column names")
        return np.array(self.names_, dtype=object)

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to X (n, p) and y (n,) or (n, k); `sample_weight` (n,) is what each row's squared error is multiplied by.

        Raises ValueError for wrong parameters or shapes, NaN, infinity, values too large, and too many terms.
        """
        self.check_parameters()
        rows, targets = check_pair(X, y)
        weight = check_weight(sample_weight, len(rows))
        names = column_names(X)
        if weight is not None and not weight.all():  # what weighs nothing must not move the basis either
            counted = weight > 0
            rows, targets, weight = rows[counted], targets[counted], weight[counted]
        terms = self._terms(rows.shape[1])
        if terms.count > MAX_TERMS:
            raise ValueError(f"{terms.count} terms are too many for one fit (at most {MAX_TERMS}).")
        try:
            with np.errstate(all="ignore"):  # an overflow ends in the error below
                # the basis of degree one needs only a centre, for which some rows are enough
                sample = rows if terms.degree > 1 else rows[:: max(1, len(rows) // SAMPLE)]
                self._learn(Basis.spanning(terms, *limits(sample)), rows, targets, weight)
        except OverflowError:
            limits(rows)
            limits(targets.reshape(len(targets), -1), name="y")
            raise ValueError("The values of X or y are too large: what is fitted to them is beyond float64.") from None
        self.__dict__.pop("names_", None)
        if names is not None:
            self.names_ = names
        return self

    def _learn(self, basis: Basis, rows: Array, targets: Array, weight: Array | None) -> None:
        columns = targets.reshape(len(targets), -1)
        factor = None if weight is None else _row_factors(weight)
        scaled = np.empty((basis.terms.count, columns.shape[1]))
        at_once, rank = max(OUTPUTS_AT_ONCE, basis.terms.count), 0
        starts = range(0, columns.shape[1], at_once)
        for done, k in enumerate(starts):
            group = slice(k, k + at_once)
            scaled[:, group], rank = _fit(basis, rows, columns[:, group], factor, (done, len(starts)))
        shape = (basis.terms.count, *targets.shape[1:])
        self.coefficients_ = basis.to_units(scaled).reshape(shape)
        self.scaled_coefficients_ = scaled.reshape(shape)
        self.centre_, self.scale_, self.rank_ = basis.centre, basis.scale, rank
        self.n_features_in_ = basis.terms.inputs
        self.prepare()

    def prepare(self) -> None:
        """Build the predictor from the learned attributes."""
        basis = Basis(self._terms(self.n_features_in_), self.centre_, self.scale_)
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


def _row_factors(weight: Array) -> Array:
    """Return the factors of rows whose squares weigh as `weight` does, in units of an even power of two.

    So 1 and 4 stay 1 and 2, and no weight is too large or too small to be squared.
    """
    exponent = (int(np.frexp(weight.max())[1]) - 1) // 2
    return np.sqrt(np.ldexp(weight, -2 * exponent))


def _fit(basis: Basis, rows: Array, columns: Array, factor: Array | None, groups: tuple[int, int]) -> tuple[Array, int]:
    """Return coefficients (terms, k) and rank for rows (n, p) and columns (n, k), block by block.

    Each row is multiplied by its `factor`. Progress is reported for one group of outputs; `groups` says how many were
    done before it, and how many there are.
    """
    done, all_groups = groups
    count = basis.terms.count
    triangle = Triangle(count, columns.shape[1], len(rows))
    for start in range(0, len(rows), triangle.block_rows):
        part = slice(start, start + triangle.block_rows)

        def fill(block: Array, part: slice = part) -> None:
            basis.expand(rows[part], block[:count])
            block[count:] = columns[part].T
            if factor is not None:
                np.multiply(block, factor[part], out=block)

        triangle.absorb(len(rows[part]), fill)
        report((done + min(part.stop, len(rows)) / len(rows)) / all_groups)
    return triangle.solve()
