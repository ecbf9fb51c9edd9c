"""The mean logistic loss of rows with a ridge penalty, its gradient and its curvature, found block by block.

Scores are linear in the inputs, and the classes' probabilities their softmax. Of two classes only the second has a
score; that of the first is zero. Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, §4.4.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.model.basis import Basis
from app.model.dataframes import Array

BLOCK_VALUES = 2**18
"""Values in a block: 2 MB."""


def softmax(scores: Array) -> tuple[Array, Array]:
    """Return probabilities (k, m) for scores (k, m), and the logarithms (m,) of the sums that they are divided by.

    One row of scores is that of the second of two classes. Each column's result is the same to the last bit whatever
    columns stand beside it.
    """
    top = scores.max(axis=0)
    if len(scores) == 1:
        top = np.maximum(top, 0)
    powers = np.exp(scores - top)
    total = np.exp(-top) if len(scores) == 1 else np.zeros_like(top)
    for row in powers:  # not sum(), which adds up in another order for a single column
        total += row
    return powers / total, np.log(total) + top


class _Block(NamedTuple):
    terms: Array
    """(terms, m)"""
    codes: NDArray[np.intp]
    share: Array
    """The weight of each row, of all rows together one (m,)."""


class LogisticLoss:
    """The loss as a function of coefficients (terms, k) in a basis whose terms are divided by `scale` (terms,).

    `penalty` (terms,) is what half of the squared coefficients is multiplied by.
    """

    def __init__(
        self, basis: Basis, scale: Array, X: Array, codes: NDArray[np.intp], share: Array | float, penalty: Array
    ) -> None:
        self._basis = basis
        self._factor = 1.0 / scale[:, np.newaxis]
        self._X = X
        self._codes = codes
        self._share = np.broadcast_to(np.asarray(share), len(X))
        self._penalty = penalty[:, np.newaxis]
        classes = int(codes.max()) + 1
        self.shape = basis.terms.count, 1 if classes == 2 else classes  # noqa: PLR2004 - one score tells two apart

    def value_and_gradient(self, coefficients: Array) -> tuple[float, Array]:
        """Return the loss and its gradient, shaped like the coefficients."""
        value = float((self._penalty * coefficients**2).sum()) / 2
        gradient = self._penalty * coefficients
        for terms, codes, share in self._blocks():
            scores = coefficients.T @ terms
            residual, logarithm = softmax(scores)
            rows = np.arange(len(codes))
            if len(scores) == 1:
                value += float(share @ (logarithm - scores[0] * codes))
                residual[0] -= codes
            else:
                value += float(share @ (logarithm - scores[codes, rows]))
                residual[codes, rows] -= 1
            gradient += terms @ (share * residual).T
        return value, gradient

    def hessian(self, coefficients: Array) -> Array:
        """Return the matrix of second derivatives, by the flat index of the transposed coefficients.

        To add the same to all classes' coefficients of a term changes no probability. That way the matrix is made
        steep, which changes no step: gradients have no such part.
        """
        terms, k = self.shape
        found = np.zeros((k, terms, k, terms))
        for block in self._blocks():
            probability, _ = softmax(coefficients.T @ block.terms)
            for a in range(k):
                for b in range(a + 1):
                    weight = block.share * probability[a] * ((a == b) - probability[b])
                    found[a, :, b, :] += (weight * block.terms) @ block.terms.T
        for a in range(k):
            found[a, :, a, :] += np.diag(self._penalty[:, 0])
            if k > 1:
                found[a, :, : a + 1, :] += np.eye(terms)[:, np.newaxis] / k**2
            for b in range(a):
                found[b, :, a, :] = found[a, :, b, :].T
        return found.reshape(k * terms, k * terms)

    def product(self, coefficients: Array, direction: Array) -> Array:
        """Return the second derivatives times a direction, both shaped like the coefficients."""
        found = self._penalty * direction
        for terms, _, share in self._blocks():
            probability, _ = softmax(coefficients.T @ terms)
            change = probability * (direction.T @ terms)
            change -= probability * change.sum(axis=0)
            found += terms @ (share * change).T
        return found

    def diagonal(self, coefficients: Array) -> Array:
        """Return the diagonal of the second derivatives, shaped like the coefficients."""
        found = np.repeat(self._penalty, self.shape[1], axis=1)
        for terms, _, share in self._blocks():
            probability, _ = softmax(coefficients.T @ terms)
            found += terms**2 @ (share * probability * (1 - probability)).T
        return found

    def separates(self, coefficients: Array) -> bool:
        """Return whether every row's own class has the highest score of all, and no other has as high a one."""
        for terms, codes, _ in self._blocks():
            scores = coefficients.T @ terms
            if len(scores) == 1:
                scores = np.concatenate([np.zeros_like(scores), scores])
            rows = np.arange(len(codes))
            own = scores[codes, rows].copy()
            scores[codes, rows] = -np.inf
            if (own <= scores.max(axis=0)).any():
                return False
        return True

    def _blocks(self) -> Iterator[_Block]:
        step = max(1, BLOCK_VALUES // max(self.shape))
        space = np.empty((self.shape[0], min(step, len(self._X))))
        for start in range(0, len(self._X), step):
            part = slice(start, start + step)
            X = self._X[part]
            terms = space[:, : len(X)]
            self._basis.expand(X, terms)
            terms *= self._factor
            yield _Block(terms, self._codes[part], self._share[part])
