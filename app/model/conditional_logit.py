"""Conditional logit: a model of people's choices of one alternative in a choice set, or of none."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from msgspec import Meta
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from app.model.base import Regressor
from app.model.dataframes import Array, as_float
from app.model.ranking import group_starts
from app.model.sklearn_compat import not_fitted
from app.model.validation import check_pair, check_rows, check_weight, limits

CONTEXT_COLUMNS = 2
"""Columns of X before the features: choice set and position."""
SOLVER: Any = {"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-8}


class ConditionalLogit(Regressor):
    """Ranks alternatives, such as the items shown to one user, by earlier choices.

    A row of X (n, 2 + p) is an alternative: the number of its choice set, whose rows are adjacent, its position in
    it from 0, and p features. y (n,) is 1 where it was chosen, at most once in a choice set, and 0 elsewhere. Of a
    choice set, alternative i at position k is chosen with probability exp(u_i + b·log(1 + k)) / (exp(c) + Σ exp(…)),
    and none with exp(c) / (…), where u = features · w: McFadden, Conditional logit analysis of qualitative choice
    behavior, 1974; Train, Discrete Choice Methods with Simulation, ch. 3. The term in k corrects the bias towards top
    positions (Craswell, Zoeter, Taylor & Ramsey 2008), and predictions omit it; if all positions are 0, it does not
    exist.

    `fit` minimises −Σ weight · log probability + penalty/2 · Σ (coefficient · standard deviation)², for which the
    constant c does not count. It is convex; L-BFGS finds the minimum. A subclass has a `name`, and `metrics` with
    `score` for its evaluation, such as those in ranking.py: the distance of a utility to 0 or 1 means nothing.

    Learned: `weights_` (p,), utility per unit of each feature; `position_`, utility per unit of log(1 + position);
    `none_`, the utility of choosing nothing; `choice_sets_`, their number; `converged_`; `n_features_in_`.
    """

    batchable: ClassVar[bool | None] = True  # see predict

    weights_: Array
    position_: float
    none_: float
    choice_sets_: int
    converged_: bool
    n_features_in_: int

    def __init__(
        self,
        penalty: Annotated[float, Meta(ge=0, le=1e6, description="Strength of the penalty on coefficients.")] = 1.0,
    ) -> None:
        self.penalty = penalty

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to X (n, 2 + p) and y (n,); a choice set counts by the `sample_weight` (n,) of its first row.

        Raises ValueError for wrong parameters or shapes, NaN, infinity, no feature, a negative position, a choice set
        with rows that are not adjacent or more than one chosen row, values too large, and if nothing was chosen.
        """
        self.check_parameters()
        rows, chosen = check_pair(X, y)
        _check_choices(rows, chosen)
        starts = group_starts(rows[:, 0])
        weight = _set_weights(sample_weight, len(rows), starts)
        sizes = np.diff(np.append(starts, len(rows)))
        counted = np.repeat(weight > 0, sizes)
        design = np.column_stack([np.log1p(rows[:, 1]), rows[:, CONTEXT_COLUMNS:]])[counted]
        sizes, weight = sizes[weight > 0], weight[weight > 0]
        with np.errstate(all="ignore"):  # an overflow ends in an error
            centre, scale = _centre_and_scale(design, np.repeat(weight, sizes))
            loss = ChoiceLoss((design - centre) / scale, chosen[counted], sizes, weight, self.penalty)
            found = minimize(loss, np.zeros(design.shape[1] + 1), jac=True, method="L-BFGS-B", options=SOLVER)
            coefficients = found.x[:-1] / scale
            none = float(found.x[-1] + centre @ coefficients)
        if not np.isfinite([*coefficients, none]).all():
            raise ValueError("The values of X are too large or too small: what is fitted to them is beyond float64.")
        self.position_, self.weights_, self.none_ = float(coefficients[0]), coefficients[1:], none
        self.choice_sets_, self.converged_, self.n_features_in_ = len(sizes), bool(found.success), rows.shape[1]
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the utility (m,) of each alternative of X (m, 2 + p), regardless of position: the higher, the better.

        Raises ValueError for another width than that of the fit, NaN and infinity.
        """
        if not hasattr(self, "weights_"):
            raise not_fitted(self)
        products: Array = check_rows(X, of=self)[:, CONTEXT_COLUMNS:] * self.weights_
        utility: Array = products.sum(axis=1)  # not BLAS, whose last bit depends on the other rows
        return utility

    @abstractmethod
    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float | Mapping[str, float | None]:
        """Return how well the utilities of X agree with the choices, by the names in `metrics`."""

    def diagnostics(self) -> dict[str, int | float]:
        """Return the number of choice sets, and the utilities of positions and of choosing nothing."""
        return {"choice_sets": self.choice_sets_, "position_effect": self.position_, "none_utility": self.none_}

    def warnings(self, names: list[str]) -> list[str]:  # noqa: ARG002 - the names are not needed
        """Warn if the minimum was not reached."""
        return [] if self.converged_ else ["the fit stopped before the coefficients were exact"]

    def terms(self, names: list[str]) -> list[str]:
        """Name the features."""
        return names[CONTEXT_COLUMNS:]

    @property
    def coefficients_(self) -> Array:
        """The weights of the features."""
        return self.weights_


class ChoiceLoss:
    """The penalised negative log-likelihood of choice sets, over the sum of their weights, with its gradient."""

    def __init__(self, design: Array, chosen: Array, sizes: NDArray[np.int_], weight: Array, penalty: float) -> None:
        """`design` (n, q) and `chosen` (n,) are of all rows, `sizes` and `weights` (s,) of the choice sets."""
        self._starts = np.append(0, np.cumsum(sizes)[:-1])
        self._design, self._chosen, self._sizes = design, chosen, sizes
        self._weight, self._penalty = weight / weight.sum(), penalty / weight.sum()
        self._number = np.add.reduceat(chosen, self._starts)  # chosen rows of each choice set
        if (self._number > 1).any():
            raise ValueError("y must be 1 for at most one row of each choice set, 0 for the others")
        if not self._number.any():
            raise ValueError("nothing was chosen of any choice set: there is nothing to learn from")

    def __call__(self, coefficients: Array) -> tuple[float, Array]:
        """Return value and gradient (q + 1,) at q coefficients and the utility of choosing nothing."""
        weights, none = coefficients[:-1], coefficients[-1]
        utility = self._design @ weights
        top = np.maximum(np.maximum.reduceat(utility, self._starts), none)
        shares = np.exp(utility - np.repeat(top, self._sizes))
        outside = np.exp(none - top)
        total = np.add.reduceat(shares, self._starts) + outside
        missed = (self._chosen - shares / np.repeat(total, self._sizes)) * np.repeat(self._weight, self._sizes)
        reached = np.add.reduceat(self._chosen * utility, self._starts) + (1 - self._number) * none
        value = (self._weight * (top + np.log(total) - reached)).sum() + self._penalty / 2 * (weights @ weights)
        gradient = np.append(
            self._penalty * weights - self._design.T @ missed,
            -(self._weight * (1 - self._number - outside / total)).sum(),
        )
        return float(value), gradient


def _check_choices(rows: Array, chosen: Array) -> None:
    """Raise ValueError unless X has its columns and y is of zeros and ones."""
    limits(rows)
    if rows.shape[1] <= CONTEXT_COLUMNS or (rows[:, 1] < 0).any():
        raise ValueError("X must have the columns choice set, position (from 0), and at least one feature")
    if chosen.ndim != 1 or not np.isin(chosen, (0, 1)).all():
        raise ValueError("y must be of shape (n,), 1 for what was chosen and 0 for the others")


def _set_weights(sample_weight: ArrayLike | None, rows: int, starts: NDArray[np.int_]) -> Array:
    """Return the weight of each choice set."""
    if sample_weight is None:
        return np.ones(len(starts))
    check_weight(sample_weight, rows)
    weight: Array = np.broadcast_to(as_float(sample_weight, "sample_weight"), rows)[starts]
    if not weight.any():
        raise ValueError("no choice set has a weight above zero")
    return weight


def _centre_and_scale(design: Array, weight: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation (1 for a constant column) of each column; ValueError beyond float64."""
    constant = design.min(axis=0) == design.max(axis=0)
    centre = np.where(constant, design[0], np.average(design, axis=0, weights=weight))
    apart = np.abs(design - centre)
    widest = np.where(constant, 1.0, apart.max(axis=0))  # after division by it, squares stay within float64
    scale = np.where(constant, 1.0, widest * np.sqrt(np.average((apart / widest) ** 2, axis=0, weights=weight)))
    if not (np.isfinite(scale) & (scale > 0)).all():
        raise ValueError("The values of X are too large, or differ by too little, for float64.")
    return centre, scale
