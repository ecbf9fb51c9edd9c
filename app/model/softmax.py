"""The mean logistic loss of rows with a ridge penalty, its gradient and its curvature, computed block by block.

Scores are linear in the inputs, and the classes' probabilities are their softmax. Of two classes only the second has a
score; the score of the first is zero. Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, §4.4.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.model.basis import Basis
from app.model.dataframes import Array

BLOCK_VALUES = 2**18
"""Values in a block: 2 MB."""
KEPT_VALUES = 2**24
"""Limit of cached probabilities of all rows between products with the second derivatives: 128 MB."""
FEW_CLASSES = 8


def softmax(scores: Array) -> tuple[Array, Array]:
    """Return probabilities (k, m) for scores (k, m), and the logarithms (m,) of their normalising sums.

    A single row of scores is for the second of two classes. Each column's result is the same to the last bit with any
    other columns beside it.
    """
    top = scores.max(axis=0)
    if len(scores) == 1:
        top = np.maximum(top, 0)
    powers = np.exp(scores - top)
    total = np.exp(-top) if len(scores) == 1 else np.zeros_like(top)
    for row in powers:  # not sum(), which adds up in another order for a single column
        total += row
    return powers / total, np.log(total) + top


def _softmax_of_fit(scores: Array) -> tuple[Array, Array]:
    """Do as `softmax`, faster where there are many classes: sums may be rounded in any order."""
    if len(scores) <= FEW_CLASSES:
        return softmax(scores)
    top = scores.max(axis=0)
    powers = scores - top
    np.exp(powers, out=powers)
    total = powers.sum(axis=0)
    powers /= total
    return powers, np.log(total) + top


class _Block(NamedTuple):
    terms: Array
    """(terms, m)"""
    codes: NDArray[np.intp]
    share: Array
    """The weight of each row (m,); the weights of all rows add up to 1."""


class LogisticLoss:
    """The loss as a function of coefficients (terms, k) in a basis whose terms are divided by `scale` (terms,).

    `penalty` (terms,) is the factor of half of the squared coefficients.
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
        self.shape = basis.terms.count, 1 if classes == 2 else classes  # noqa: PLR2004 - two classes need one score

    def value_and_gradient(self, coefficients: Array) -> tuple[float, Array]:
        """Return the loss and its gradient, shaped like the coefficients."""
        value = float((self._penalty * coefficients**2).sum()) / 2
        gradient = self._penalty * coefficients
        for terms, codes, share in self._blocks():
            scores = coefficients.T @ terms
            residual, logarithm = _softmax_of_fit(scores)
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

        The same amount added to a term's coefficients of all classes changes no probability. The matrix gets positive
        curvature in that direction, which changes no step: gradients have no such part.
        """
        terms, k = self.shape
        found = np.zeros((k, terms, k, terms))
        for block in self._blocks():
            probability, _ = _softmax_of_fit(coefficients.T @ block.terms)
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

    def curvature(self, coefficients: Array) -> "Curvature":
        """Return the second derivatives at some coefficients, to be multiplied by directions."""
        return Curvature(self._blocks, coefficients, self._penalty, rows=len(self._X))

    def separates(self, coefficients: Array) -> bool:
        """Return whether for every row its own class has a higher score than any other class."""
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


class Curvature:
    """The second derivatives of the loss at some coefficients, by their products with directions."""

    def __init__(
        self, blocks: Callable[[], Iterator[_Block]], coefficients: Array, penalty: Array, *, rows: int
    ) -> None:
        self._blocks = blocks
        self._coefficients = coefficients
        self._penalty = penalty
        self._kept: list[Array] | None = [] if rows * coefficients.shape[1] <= KEPT_VALUES else None

    def diagonal(self) -> Array:
        """Return the diagonal, shaped like the coefficients."""
        found = np.repeat(self._penalty, self._coefficients.shape[1], axis=1)
        for block, probability in self._probabilities():
            found += (block.terms**2 * block.share) @ (probability - probability**2).T
        return found

    def product(self, direction: Array) -> Array:
        """Return the second derivatives times a direction, both shaped like the coefficients."""
        found = self._penalty * direction
        for block, probability in self._probabilities():
            change = direction.T @ block.terms
            change -= np.einsum("km,km->m", probability, change)
            change *= probability
            found += (block.terms * block.share) @ change.T
        return found

    def _probabilities(self) -> Iterator[tuple[_Block, Array]]:
        """Yield each block with the probabilities (k, m) of its rows, cached if those of all rows fit."""
        kept = self._kept
        for place, block in enumerate(self._blocks()):
            if kept is not None and place < len(kept):
                yield block, kept[place]
                continue
            probability, _ = _softmax_of_fit(self._coefficients.T @ block.terms)
            if kept is not None:
                kept.append(probability)
            yield block, probability
