"""Evaluation of a classifier: accuracy, F1, log loss, area under the ROC curve and the confusion matrix.

All are scikit-learn's, found in blocks of rows. Labels are given as codes: positions among the classes of the fit.
"""

from collections.abc import Iterator
from math import nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.model.dataframes import Array

BLOCK_ROWS = 2**16
EPSILON = float(np.finfo(np.float64).eps)
BINARY = 2

Codes = NDArray[np.integer[Any] | np.floating[Any]]


class ClassMetrics(NamedTuple):
    """The metrics of predicted classes; NaN if one is not defined. `n` is the number of rows."""

    accuracy: float
    balanced_accuracy: float
    f1_macro: float
    log_loss: float
    roc_auc: float
    n: int
    confusion: NDArray[np.int64] | Array
    """Rows, or their weights, by class (k, k): a row for each true class, a column for each predicted one."""


def evaluate_classes(
    truth: Codes, predicted: Codes, probabilities: Array | None, n_classes: int, weight: Array | None = None
) -> ClassMetrics:
    """Compare predicted codes (n,) and probabilities (n, k), or None without them, with the true codes (n,).

    A true code outside 0 … k - 1 is a label that was not in the fit, each code another label: it is an error, and
    log loss and area under the curve are not defined. `weight` (n,) is finite, not negative, and not zero for every
    row. Raises ValueError for no rows, other lengths, and predicted codes outside 0 … k - 1.
    """
    _check(truth, predicted, probabilities, n_classes, weight)
    exponent = 0 if weight is None else int(np.frexp(weight.max())[1])  # so that sums of weights do not overflow
    rows = _Rows(truth, predicted, probabilities, None if weight is None else np.ldexp(weight, -exponent))
    tally = _Tally(n_classes)
    with np.errstate(all="ignore"):
        for block in rows.blocks(max(BLOCK_ROWS, n_classes**2)):
            tally.add(block)
        confusion = tally.table[:-1]
        return ClassMetrics(
            tally.correct / tally.total,
            tally.balanced_accuracy(),
            tally.f1_macro(),
            tally.loss / tally.total,
            nan if np.isnan(tally.loss) else _area_under_curve(rows),
            len(truth),
            confusion.astype(np.int64) if weight is None else np.ldexp(confusion, exponent),
        )


def _check(truth: Codes, predicted: Codes, probabilities: Array | None, n_classes: int, weight: Array | None) -> None:
    n, k = len(truth), n_classes
    if not n or truth.shape != (n,) or predicted.shape != (n,):
        raise ValueError(
            f"True codes {truth.shape} and predicted ones {predicted.shape} must be of one shape (n,), and not empty."
        )
    if probabilities is not None and probabilities.shape != (n, k):
        raise ValueError(f"The probabilities must be of shape {(n, k)}, got {probabilities.shape}.")
    if weight is not None and weight.shape != (n,):
        raise ValueError(f"The weights must be of shape {(n,)}, got {weight.shape}.")
    if predicted.min() < 0 or predicted.max() >= k:
        raise ValueError(f"A predicted code is outside 0 … {k - 1}.")


class _Rows(NamedTuple):
    """Rows to evaluate."""

    truth: Codes
    predicted: Codes
    probabilities: Array | None
    weight: Array | None

    def blocks(self, size: int) -> Iterator["_Rows"]:
        """Yield so many rows at a time."""
        for start in range(0, len(self.truth), size):
            part = slice(start, start + size)
            yield _Rows(
                self.truth[part],
                self.predicted[part],
                None if self.probabilities is None else self.probabilities[part],
                None if self.weight is None else self.weight[part],
            )

    def weights(self) -> Array:
        """Return the weight of each row."""
        return np.ones(len(self.truth)) if self.weight is None else self.weight


class _Tally:
    """Running sums over blocks of rows."""

    def __init__(self, n_classes: int) -> None:
        self.table = np.zeros((n_classes + 1, n_classes))  # true labels that were not in the fit are in the last row
        self.total = self.correct = 0.0
        self.loss = 0.0 if n_classes > 1 else nan
        self._met = np.zeros(n_classes, dtype=bool)  # scikit-learn's F1 counts a label whose rows all weigh nothing
        self._never_seen: set[int] = set()
        self._never_seen_weighing: set[int] = set()

    def add(self, rows: _Rows) -> None:
        """Add a block."""
        k = self.table.shape[1]
        truth, predicted, weight = rows.truth.astype(np.intp), rows.predicted.astype(np.intp), rows.weights()
        known = (truth >= 0) & (truth < k)
        cell = np.where(known, truth, k) * k + predicted
        self.table += np.bincount(cell, rows.weight, self.table.size).reshape(self.table.shape)
        self.total += float(weight.sum())
        self.correct += float(weight[truth == predicted].sum())
        self._met[truth[known]] = True
        self._met[predicted] = True
        self._never_seen.update(truth[~known].tolist())
        self._never_seen_weighing.update(truth[~known & (weight > 0)].tolist())
        self.loss += _log_loss(rows.probabilities, truth, weight) if known.all() else nan

    def balanced_accuracy(self) -> float:
        """Return the mean of the classes' recalls."""
        true = self.table[:-1].sum(axis=1)
        weighing = true > 0
        recalls = np.diagonal(self.table)[weighing] / true[weighing]
        return float(recalls.sum() / (len(recalls) + len(self._never_seen_weighing)))

    def f1_macro(self) -> float:
        """Return the mean of F1 over the labels that are true or predicted anywhere; 0 for a label without weight."""
        both = self.table[:-1].sum(axis=1) + self.table.sum(axis=0)
        scores = np.divide(2 * np.diagonal(self.table), both, out=np.zeros_like(both), where=both > 0)
        return float(scores[self._met].sum() / (self._met.sum() + len(self._never_seen)))


def _log_loss(probabilities: Array | None, truth: NDArray[np.intp], weight: Array) -> float:
    """Return the sum of -log p of the true classes, p clipped as in scikit-learn; NaN if p is not finite."""
    if probabilities is None or not np.isfinite(probabilities).all():
        return nan
    likelihood = probabilities[np.arange(len(truth)), truth].clip(EPSILON, 1 - EPSILON)
    return float(-(weight * np.log(likelihood)).sum())


def _area_under_curve(rows: _Rows) -> float:
    """Return the area under the ROC curve of the second of two classes, or the mean over each class against the rest.

    NaN if a class has no rows with weight, or all rows.
    """
    assert rows.probabilities is not None  # noqa: S101 - without them log loss was NaN
    columns = rows.probabilities.T
    return float(np.mean([_area(rows, of, columns[of]) for of in range(len(columns) == BINARY, len(columns))]))


def _area(rows: _Rows, of: int, scores: Array) -> float:
    """Return the probability that a row of class `of` has a higher score than a row of another; a tie counts one half.

    It is Mann and Whitney's U over the number of pairs (Hanley & McNeil, 1982). The smaller of both sides is sorted,
    the larger is processed in blocks.
    """
    inside = rows.truth == of
    swapped = 2 * int(np.count_nonzero(inside)) > len(inside)
    smaller = inside != swapped
    below = _Below(scores[smaller], None if rows.weight is None else rows.weight[smaller])
    pairs, total = 0.0, 0.0
    for start in range(0, len(inside), BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        larger = ~smaller[part]
        found = below(scores[part][larger])
        weight = None if rows.weight is None else rows.weight[part][larger]
        pairs += float(found.sum() if weight is None else found @ weight)
        total += float(len(found) if weight is None else weight.sum())
    share = pairs / (below.total * total) if below.total and total else nan
    return share if swapped else 1 - share


class _Below:
    """The weight of the scores (m,) below a given score, plus half of the weight of equal scores."""

    def __init__(self, scores: Array, weight: Array | None) -> None:
        if weight is None:
            self._scores, self._sums = np.sort(scores), None
            self.total = float(len(scores))
        else:
            order = np.argsort(scores)
            self._scores = scores[order]
            self._sums = np.concatenate([[0.0], np.cumsum(weight[order])])
            self.total = float(self._sums[-1])

    def __call__(self, scores: Array) -> Array:
        low, high = np.searchsorted(self._scores, scores, "left"), np.searchsorted(self._scores, scores, "right")
        return np.asarray((low + high) / 2 if self._sums is None else (self._sums[low] + self._sums[high]) / 2)
