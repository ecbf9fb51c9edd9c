"""Newton's method for a convex loss of a matrix of coefficients.

Nocedal & Wright, Numerical Optimization, §3.1 (step lengths), §3.4 (modified Cholesky) and §7.1 (the step by
conjugate gradients where there are too many coefficients for their matrix of second derivatives).
"""

import math
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple, Protocol

import numpy as np

from app.model.dataframes import Array

DENSE = 1024
"""Up to so many coefficients, building and factoring the matrix of second derivatives is faster."""
MAX_PRODUCTS = 1000
"""Products with the second derivatives in one step."""
DECREASE = 1e-4
"""The share of the expected decrease that a step must bring."""
SHORTEST = 2.0**-40
NOISE = 64 * float(np.finfo(np.float64).eps)
"""Rounding error, relative to the loss or to 1: near the minimum a step need not decrease the loss by more."""


class SecondDerivatives(Protocol):
    """The second derivatives of a loss at some coefficients; all arrays are shaped like these."""

    def product(self, direction: Array) -> Array:
        """Return the second derivatives times a direction."""

    def diagonal(self) -> Array:
        """Return their diagonal."""


class Loss(Protocol):
    """A convex function of coefficients (terms, k), with derivatives."""

    shape: tuple[int, int]

    def value_and_gradient(self, coefficients: Array) -> tuple[float, Array]:
        """Return value and gradient."""

    def hessian(self, coefficients: Array) -> Array:
        """Return the second derivatives, by the flat index of the transposed coefficients."""

    def curvature(self, coefficients: Array) -> SecondDerivatives:
        """Return the second derivatives as an operator on directions, without their matrix."""


class Minimum(NamedTuple):
    """The minimum of a loss, the number of steps, and whether the last step was short enough."""

    coefficients: Array
    iterations: int
    converged: bool


def minimise(loss: Loss, tol: float, max_iter: int, progress: Callable[[float], None]) -> Minimum:
    """Minimise a loss from zero, until a step changes no coefficient by more than `tol` of the greatest, or of 1."""
    coefficients = np.zeros(loss.shape)
    value, gradient = loss.value_and_gradient(coefficients)
    for iteration in range(1, max_iter + 1):
        step = _step(loss, coefficients, gradient)
        length, moved = 1.0, coefficients + step
        slope = float((gradient * step).sum())
        new_value, new_gradient = loss.value_and_gradient(moved)
        while not new_value <= value + DECREASE * length * slope + NOISE * max(1.0, abs(value)) and length > SHORTEST:
            length /= 2
            moved = coefficients + length * step
            new_value, new_gradient = loss.value_and_gradient(moved)
        if length <= SHORTEST:
            return Minimum(coefficients, iteration, converged=False)
        moved_by = float(np.abs(moved - coefficients).max())
        coefficients, value, gradient = moved, new_value, new_gradient
        if length == 1 and moved_by <= tol * max(1.0, float(np.abs(coefficients).max())):
            return Minimum(coefficients, iteration, converged=True)
        progress(iteration / max_iter)
    return Minimum(coefficients, max_iter, converged=False)


def _step(loss: Loss, coefficients: Array, gradient: Array) -> Array:
    """Return the step to the minimum of the quadratic model of the loss."""
    if coefficients.size <= DENSE:
        return _solve(loss.hessian(coefficients), -gradient.T.ravel()).reshape(gradient.T.shape).T
    return _conjugate_gradients(loss.curvature(coefficients), gradient)


def _solve(hessian: Array, right: Array) -> Array:
    """Solve by Cholesky factors; the diagonal is raised if rounding has made the matrix indefinite."""
    lapack = import_module("scipy.linalg.lapack")
    diagonal = np.diagonal(hessian).copy()
    unit = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))  # the terms' own scales do not matter
    scaled = hessian * unit * unit[:, np.newaxis]
    if not np.isfinite(scaled).all():
        raise ValueError("The loss is beyond float64 near its minimum; choose a larger C, or rescale the inputs.")
    raised = 0.0
    while raised <= 1.0:  # the diagonal is 1: with 1 added, every such matrix has factors
        factor, failed = lapack.dpotrf(scaled + raised * np.eye(len(scaled)), lower=1)
        if not failed:
            found: Array = lapack.dpotrs(factor, unit * right, lower=1)[0] * unit
            return found
        raised = max(NOISE, 10 * raised)
    raise ValueError("The curvature of the loss is lost in rounding; choose a larger C, or rescale the inputs.")


def _conjugate_gradients(curvature: SecondDerivatives, gradient: Array) -> Array:
    """Solve by products alone, more exactly for a smaller gradient; preconditioned by the diagonal."""
    diagonal = curvature.diagonal()
    diagonal[diagonal <= 0] = 1.0
    step, residual = np.zeros_like(gradient), -gradient
    scaled = _apart(residual / diagonal)
    direction, length = scaled, float((residual * scaled).sum())
    enough = length * min(0.01, math.sqrt(length))
    for _ in range(min(MAX_PRODUCTS, 2 * gradient.size)):
        product = curvature.product(direction)
        bend = float((direction * product).sum())
        if bend <= 0 or length <= enough:
            break
        step += length / bend * direction
        residual = residual - length / bend * product
        scaled = _apart(residual / diagonal)
        previous, length = length, float((residual * scaled).sum())
        direction = scaled + length / previous * direction
    return step if step.any() else scaled


def _apart(coefficients: Array) -> Array:
    """Return coefficients of several scores without their common part, on which a softmax does not depend."""
    return coefficients - coefficients.mean(axis=1, keepdims=True) if coefficients.shape[1] > 1 else coefficients
