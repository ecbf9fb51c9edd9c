"""Compares predictions for single rows with predictions for the same rows in one call."""

from __future__ import annotations

import numpy as np

from app.model.dataframes import Array
from app.schemas.tasks import Stacks

ROUNDING = 8e-13
"""Rounding error of float64 sums in another order: some thousand units in the last place of the greatest value."""
ROUNDING_FLOAT32 = 1e-6
"""The same for libraries that compute in float32: eight units, because their sums are short."""
ORDER: tuple[Stacks, ...] = ("exact", "close", "no")


def agreement(alone: Array, together: Array, *, labels: bool = False, by_float32: bool = False) -> Stacks:
    """Return whether values are identical, equal within rounding, or different; labels are identical or different.

    Missing and infinite values agree if both are the same. `by_float32`: the library may compute in float32; if the
    values show that it did, they may differ by the rounding error of float32.
    """
    if np.array_equal(alone, together, equal_nan=True):
        return "exact"
    if labels or alone.shape != together.shape:
        return "no"
    finite = np.isfinite(together)
    if not np.array_equal(alone[~finite], together[~finite], equal_nan=True) or not np.isfinite(alone[finite]).all():
        return "no"
    one, other = alone[finite], together[finite]
    rounding = ROUNDING_FLOAT32 if by_float32 and _are_float32(one, other) else ROUNDING
    bound = rounding * np.abs(other).max(initial=0.0)
    return "close" if np.abs(one - other).max(initial=0.0) <= bound else "no"


def worst(found: set[Stacks]) -> Stacks:
    """Return the weakest of several agreements."""
    return max(found, key=ORDER.index)


def differing_row(alone: Array, together: Array) -> int:
    """Return the row whose values differ most; a value that one of both lacks differs more than any number."""
    with np.errstate(invalid="ignore"):  # infinity less infinity
        apart = np.abs(alone - together)
    apart[np.isnan(apart)] = np.inf
    apart[(alone == together) | (np.isnan(alone) & np.isnan(together))] = 0.0
    return int(apart.reshape(len(apart), -1).max(axis=1).argmax())


def _are_float32(alone: Array, together: Array) -> bool:
    """Return whether the differing values were computed in float32.

    A float32 value that was converted to float64 can still be recognised; by chance only one of 200 million float64
    values looks so. Half of them are enough: of two classes, the probability of the first may be 1 less the second's.
    """
    differ = alone != together
    pairs = np.stack([alone[differ], together[differ]])
    with np.errstate(over="ignore"):
        single = (pairs.astype(np.float32) == pairs).all(axis=0)
    return bool(2 * np.count_nonzero(single) >= single.size)
