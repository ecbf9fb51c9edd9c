"""The conditional logit: its likelihood, its optimum, and what it refuses."""

from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize

from app.model.conditional_logit import ChoiceLoss, ConditionalLogit
from app.model.sklearn_compat import NotFittedError

WEIGHTS, POSITION, NONE = np.array([1.0, -0.5, 0.3]), -0.4, 0.8


class Chooser(ConditionalLogit):
    """One that is judged by the mean utility of what was chosen."""

    name: ClassVar[str] = "chooser"

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        return float(np.average(self.predict(X), weights=y))


def choices(number: int, seed: int = 0) -> tuple[Any, Any]:
    """X and y of choice sets of two to six rows, with features of unlike units and an offset."""
    random = np.random.default_rng(seed)
    rows, y = [], []
    for choice_set in random.permutation(number):
        size = int(random.integers(2, 7))
        features = random.normal(0, 1, (size, 3))
        utility = features @ WEIGHTS + POSITION * np.log1p(np.arange(size))
        best = (np.append(utility, NONE) + random.gumbel(size=size + 1)).argmax()
        rows.append(np.column_stack([np.full(size, choice_set), np.arange(size), features * [1, 100, 0.01] + 5]))
        y.append(np.arange(size) == best)
    return np.vstack(rows), np.concatenate(y).astype(float)


def plain_loss(X: Any, y: Any, coefficients: Any, penalty: float = 0.0) -> float:
    """The formula as it is written: coefficients of log(1 + position) and of the features, then that of no choice."""
    design, none = np.column_stack([np.log1p(X[:, 1]), X[:, 2:]]), coefficients[-1]
    total = penalty / 2 * float((coefficients[:-1] ** 2 * design.var(axis=0)).sum())
    for choice_set in np.unique(X[:, 0]):
        rows = X[:, 0] == choice_set
        utility = design[rows] @ coefficients[:-1]
        chosen = utility[y[rows] == 1].sum() if y[rows].any() else none
        total -= float(chosen - np.logaddexp.reduce([*utility, none]))
    return total


def learned(model: ConditionalLogit) -> Any:
    return np.array([model.position_, *model.weights_, model.none_])


@pytest.mark.parametrize("penalty", [0.0, 3.0])
def test_the_optimum_is_that_of_the_plain_formula_and_the_gradient_that_of_differences(penalty: float) -> None:
    X, y = choices(150)
    found = Chooser(penalty).fit(X, y)
    units = np.array([1, 1, 100, 0.01, 1])  # the solver that has no gradient needs like scales
    start = learned(found) * units + 0.1 * np.array([1, -1, 1, -1, 0])
    best = minimize(lambda at: plain_loss(X, y, at / units, penalty), start, method="BFGS", options={"gtol": 1e-4})
    assert learned(found) * units == pytest.approx(best.x, rel=1e-3, abs=1e-3)
    assert plain_loss(X, y, learned(found), penalty) <= best.fun + 1e-9
    assert found.converged_ and found.warnings([]) == []

    sizes = np.diff(np.append(np.flatnonzero(np.diff(X[:, 0], prepend=-1)), len(X)))
    design = np.column_stack([np.log1p(X[:, 1]), (X[:, 2:] - 5) / [1, 100, 0.01]])
    loss = ChoiceLoss(design, y, sizes, np.random.default_rng(1).uniform(0.5, 2, len(sizes)), penalty)
    at = np.array([0.3, -0.2, 0.5, 0.1, -0.4])
    assert loss(at)[1] == pytest.approx(approx_fprime(at, lambda at: loss(at)[0], 1e-7), abs=1e-6)


def test_it_finds_what_choices_were_made_by() -> None:
    X, y = choices(5_000)
    found = Chooser().fit(X, y)
    assert learned(found) * [1, 1, 100, 0.01, 0] == pytest.approx([POSITION, *WEIGHTS, 0], abs=0.1)
    assert found.none_ - 5 * found.weights_.sum() == pytest.approx(NONE, abs=0.15)
    assert found.diagnostics()["choice_sets"] == 5_000
    assert found.coefficients(["set", "position", "a", "b", "c"]) == (["a", "b", "c"], found.weights_)


def test_weights_count_choice_sets() -> None:
    """One of weight 2 counts as two, one of weight 0 is left out, and the weight of a set is that of its first row."""
    X, y = choices(200)
    copies = [np.flatnonzero(X[:, 0] == choice_set) for choice_set in range(200) for _ in range(choice_set % 3)]
    repeated = X[np.concatenate(copies)]
    repeated[:, 0] = np.repeat(np.arange(len(copies)), [len(rows) for rows in copies])
    weight = np.where(X[:, 1] == 0, X[:, 0] % 3, 7.0)
    first = Chooser().fit(X, y, sample_weight=weight)
    second = Chooser().fit(repeated, y[np.concatenate(copies)])
    assert learned(first) == pytest.approx(learned(second), rel=1e-4)
    alike = Chooser(penalty=6.0).fit(X, y, sample_weight=2.0)
    assert learned(alike) == pytest.approx(learned(Chooser(penalty=3.0).fit(X, y)), rel=1e-4)


def test_predictions_leave_positions_out_and_hang_on_no_other_row() -> None:
    X, y = choices(100)
    found = Chooser().fit(X, y)
    moved = X.copy()
    moved[:, :2] = 0
    together = found.predict(X)
    assert (found.predict(moved) == together).all()
    assert all(found.predict(X[i : i + 1])[0] == together[i] for i in range(len(X)))
    restored = Chooser.restore(found.get_params(), found.learned())
    assert (restored.predict(X) == together).all()


def test_columns_that_do_not_vary_have_no_weight() -> None:
    """Such as positions that nobody recorded."""
    X, y = choices(100)
    X[:, 1], X[:, 3] = 0, 1e150
    found = Chooser(penalty=0.0).fit(X, y)
    assert found.position_ == 0 and found.weights_[1] == 0 and found.converged_


def test_the_units_of_features_do_not_matter() -> None:
    X, y = choices(100)
    plain, scaled = Chooser().fit(X, y), Chooser().fit(X * [1, 1, 1e200, 1e-200, 1], y)
    assert scaled.weights_ * [1e200, 1e-200, 1] == pytest.approx(plain.weights_, rel=1e-6)


def _with(X: Any, row: int, column: int, value: float) -> Any:
    X = X.copy()
    X[row, column] = value
    return X


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda X, y: (X, np.ones_like(y)), "at most one row of each choice set"),
        (lambda X, y: (X, 2 * y), "1 for what was chosen"),
        (lambda X, y: (X, np.column_stack([y, y])), r"of shape \(n,\)"),
        (lambda X, y: (X, np.zeros_like(y)), "nothing to learn"),
        (lambda X, y: (X, y, 0.0), "at least one non-zero"),
        (lambda X, y: (X, y, (X[:, 1] > 0).astype(float)), "no choice set has a weight above zero"),
        (lambda X, y: (X, y, -np.ones_like(y)), "Negative values"),
        (lambda X, y: (np.vstack([X, X[:1]]), np.append(y, 0)), "stand together"),
        (lambda X, y: (X, y[1:]), "inconsistent numbers"),
        (lambda X, y: (X[:, :2], y), "at least one feature"),
        (lambda X, y: (_with(X, 3, 1, -1), y), r"position \(from 0\)"),
        (lambda X, y: (_with(X, 3, 2, np.nan), y), "NaN"),
        (lambda X, y: (_with(_with(X, 3, 2, 1.7e308), 4, 2, 1.7e308), y), "too large"),
        (lambda X, y: (X * [1, 1, 1, 1, 1e-310], y), "too small"),
    ],
)
def test_what_it_refuses(change: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Chooser().fit(*change(*choices(20)))


def test_what_it_refuses_besides() -> None:
    X, y = choices(20)
    with pytest.raises(ValueError, match="penalty"):
        Chooser(penalty=-1.0).fit(X, y)
    with pytest.raises(NotFittedError):
        Chooser().predict(X)
    with pytest.raises(ValueError, match="4 features, but Chooser is expecting 5"):
        Chooser().fit(X, y).predict(X[:, :-1])
