"""Logistic regression of two or more classes."""

from typing import Annotated, Any, ClassVar, Self

import numpy as np
from msgspec import Meta
from numpy.typing import ArrayLike, NDArray

from app.model.base import Classifier
from app.model.basis import Basis
from app.model.dataframes import Array, as_float, column_names
from app.model.label_arrays import encode_labels
from app.model.newton import DENSE, minimise
from app.model.predictor import Predictor
from app.model.progress import report
from app.model.sklearn_compat import not_fitted
from app.model.softmax import BLOCK_VALUES, KEPT_VALUES, LogisticLoss, softmax
from app.model.terms import Terms
from app.model.validation import as_rows, check_lengths, check_names, check_rows, check_weight, limits
from app.schemas.columns import MAX_CATEGORIES

SCALES = 2.0**-500, 2.0**500
"""Beyond these values a square would overflow float64."""


class LogisticClassifier(Classifier):
    """Multinomial logistic regression with an L2 penalty, by Newton's method.

    It minimises C · Σ weight · log loss + ½ · Σ coefficients², without the constant in the latter, which is what
    scikit-learn's `LogisticRegression` does. Source: Hastie, Tibshirani & Friedman, The Elements of Statistical
    Learning, §4.4. Within the fit inputs are centred and scaled, and the penalty with them: the minimum is that of the
    inputs as they are.

    Learned: `classes_`; `coefficients_` in units of the data, (terms,) for the second of two classes against the
    first, (terms, classes) of more; `centred_coefficients_`, shaped alike, for inputs less `centre_` (p,), used to
    predict; `n_iter_`; `converged_`; `separable_`, whether the fit separates the classes of all rows;
    `n_features_in_`; and `names_` where X was a data frame.
    """

    name: ClassVar[str] = "logistic"
    batchable = True  # see Predictor and softmax
    solution_copies = 12  # two points with gradients, diagonal, step and residual, two directions, product, and result

    coefficients_: Array
    centred_coefficients_: Array
    centre_: Array
    n_iter_: int
    converged_: bool
    separable_: bool
    n_features_in_: int
    names_: list[str]
    _predictor: Predictor

    def __init__(
        self,
        C: Annotated[
            float, Meta(gt=0, le=1e12, description="Weight of the rows relative to the penalty on coefficients.")
        ] = 1.0,
        *,
        fit_intercept: Annotated[bool, Meta(description="Whether there is a constant term.")] = True,
        max_iter: Annotated[
            int, Meta(ge=1, le=10_000, description="Maximum number of steps of Newton's method.")
        ] = 100,
        tol: Annotated[
            float, Meta(gt=0, le=0.1, description="The fit ends after a step that changes no coefficient by more.")
        ] = 1e-6,
    ) -> None:
        self.C = C
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to X (n, p) and labels y (n,); `sample_weight` (n,) has a factor for each row's loss.

        Raises ValueError for wrong parameters or shapes, NaN, infinity, values too large, a y of one class, and a class
        whose rows all have weight 0.
        """
        self.check_parameters()
        names = column_names(X)
        rows = as_rows(X)
        classes, codes = encode_labels(y)
        check_lengths(rows, codes)
        weight = _weights(sample_weight, len(rows))
        if not weight.all():
            counted = weight > 0
            rows, codes, weight = rows[counted], codes[counted], weight[counted]
            _check_all_left(classes, codes)
        self.classes_ = classes
        with np.errstate(all="ignore"):  # an overflow ends in an error
            self._learn(rows, codes, weight)
        self.__dict__.pop("names_", None)
        if names is not None:
            self.names_ = names
        return self

    def _learn(self, X: Array, codes: NDArray[np.intp], weight: Array) -> None:
        low, high = limits(X)
        basis = Basis.spanning(self._terms(X.shape[1]), low, high)
        spread = np.maximum(high - basis.centre, basis.centre - low)
        unscaled = np.ones(basis.terms.first)
        scale = np.concatenate([unscaled, np.where(spread > 0, spread, 1.0).clip(*SCALES)])
        greatest = float(weight.max())
        share = weight / greatest
        total = float(share.sum())
        penalty = np.concatenate([unscaled * 0, scale[basis.terms.first :] ** -2]) / self.C / greatest / total
        loss = LogisticLoss(basis, scale, X, codes, share / total, penalty)
        found = minimise(loss, self.tol, int(self.max_iter), report)
        scaled = found.coefficients
        if scaled.shape[1] > 1:  # a common part of all classes changes no probability
            scaled = scaled - scaled.mean(axis=1, keepdims=True)
        self.separable_ = loss.separates(scaled)
        self._keep(basis, scaled / scale[:, np.newaxis])
        self.n_iter_, self.converged_ = found.iterations, found.converged

    def _keep(self, basis: Basis, centred: Array) -> None:
        """Set the attributes for predictions from coefficients (terms, k)."""
        try:
            coefficients = basis.to_units(centred)
        except OverflowError:
            raise ValueError("The values of X are too large: what is fitted to them is beyond float64.") from None
        flat = centred.shape[1] == 1
        self.coefficients_ = coefficients[:, 0].copy() if flat else coefficients
        self.centred_coefficients_ = centred[:, 0].copy() if flat else centred
        self.centre_ = basis.centre
        self.n_features_in_ = basis.terms.inputs
        self.prepare()

    def prepare(self) -> None:
        """Build the predictor from the learned attributes."""
        basis = Basis(self._terms(self.n_features_in_), self.centre_, np.ones(self.n_features_in_))
        coefficients = self.centred_coefficients_.reshape(basis.terms.count, -1)
        self._predictor = Predictor(basis, coefficients, flat=False)

    def decision_function(self, X: ArrayLike) -> Array:
        """Return scores of X (m, p): (m,) for the second of two classes, (m, classes) for more; raise as `predict`."""
        scores = self._scores(X)
        return scores[0] if len(scores) == 1 else scores.T

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probability of each class, (m, classes), for X (m, p); raise as `predict`."""
        found, _ = softmax(self._scores(X))
        return np.ascontiguousarray((np.concatenate([1 - found, found]) if len(found) == 1 else found).T)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return labels for X (m, p); raise ValueError for a wrong width, NaN, infinity, or before a fit."""
        scores = self._scores(X)
        codes = (scores[0] > 0).astype(np.intp) if len(scores) == 1 else scores.argmax(axis=0)
        found: NDArray[Any] = self.classes_[codes]
        return found

    def _scores(self, X: ArrayLike) -> Array:
        """Return the scores (k, m)."""
        if not hasattr(self, "_predictor"):
            raise not_fitted(self)
        check_names(self, X)
        return np.ascontiguousarray(self._predictor(check_rows(X, of=self)).T)

    @property
    def coef_(self) -> Array:
        """The coefficients of the inputs in scikit-learn's shape: (1, p) of two classes, (classes, p) of more."""
        return self._by_term()[int(self.fit_intercept) :].T

    @property
    def intercept_(self) -> Array:
        """The constant terms in scikit-learn's shape: (1,) or (classes,), 0.0 if there are none."""
        found = self._by_term()
        return found[0] if self.fit_intercept else np.zeros(found.shape[1])

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """The names of the data frame's columns that the model was fitted to; AttributeError if X was none."""
        if not hasattr(self, "names_"):
            raise AttributeError("feature_names_in_ exists only after a fit to a data frame with column names")
        return np.array(self.names_, dtype=object)

    def _by_term(self) -> Array:
        """Return the coefficients (terms, k); raise AttributeError before a fit."""
        found = self.coefficients_
        return found.reshape(len(found), -1)

    def _terms(self, inputs: int) -> Terms:
        return Terms(inputs, degree=1, interactions=False, intercept=self.fit_intercept)

    def n_terms(self, n_inputs: int) -> int:
        """Return the number of coefficients of a class, the constant included."""
        return self._terms(n_inputs).count

    def design_bytes(self, rows: int, inputs: int) -> int:
        """Return the bytes that a fit takes beside its rows: blocks, second derivatives, cached probabilities.

        There are at most as many classes as rows.
        """
        kept = min(rows * min(rows, MAX_CATEGORIES), KEPT_VALUES)
        return 8 * (4 * max(BLOCK_VALUES, self.n_terms(inputs)) + max(3 * DENSE**2, kept))

    def held_bytes(self) -> int:
        """Return the bytes of the arrays and of the predictor's own copy of the coefficients."""
        return super().held_bytes() + self._predictor.held_bytes()

    def terms(self, names: list[str]) -> list[str]:
        """Name the terms, the constant "1" first, then the inputs."""
        return self._terms(len(names)).names(names)

    def diagnostics(self) -> dict[str, int | float]:
        """Return the number of terms and of steps."""
        return {"terms": len(self.coefficients_), "iterations": self.n_iter_}

    def warnings(self, names: list[str]) -> list[str]:  # noqa: ARG002 - no warning is about a single input
        """Warn of a fit that did not reach the minimum, and of classes that the inputs separate without an error."""
        found = []
        if not self.converged_:
            found.append(f"the coefficients were still moving after {self.n_iter_} steps: raise max_iter, or lower C")
        if self.separable_:
            found.append(
                "the fit separates the classes of all rows: only C limits its coefficients, so "
                "probabilities of new rows may be too close to 0 and 1"
            )
        return found


def _check_all_left(classes: NDArray[Any], codes: NDArray[np.intp]) -> None:
    """Raise ValueError unless there is a row of each class: the constant of a missing class has no optimum."""
    for code in np.flatnonzero(np.bincount(codes, minlength=len(classes)) == 0)[:1]:
        raise ValueError(f"All rows of the class {classes[code].item()!r} weigh nothing: leave them out.")


def _weights(sample_weight: ArrayLike | None, rows: int) -> Array:
    """Return the weight of each row (n,), also if it is the same for all; raise as `check_weight`."""
    weight = check_weight(sample_weight, rows)
    if weight is None:
        same = 1.0 if sample_weight is None else float(as_float(sample_weight, "sample_weight").flat[0])
        weight = np.full(rows, same)
    return weight
