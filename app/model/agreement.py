"""How far predictions for rows that came alone agree with those for the same rows together."""

from __future__ import annotations

import numpy as np

from app.model.dataframes import Array
from app.schemas.tasks import Stacks

ROUNDING = 8e-13
"""What sums in another order make of float64, relative to the greatest value: some thousand units in the last place."""
ROUNDING_FLOAT32 = 1e-6
"""The same of libraries that count in float32: eight units, as their sums are short."""
ORDER: tuple[Stacks, ...] = ("exact", "close", "no")


def agreement(alone: Array, together: Array, *, labels: bool = False, by_float32: bool = False) -> Stacks:
    """Say whether values are the same to the last bit, but for rounding, or not; labels are the same, or not.

    Missing and infinite values agree where both have the same. `by_float32`: a library counted that may do so in
    float32; where the values show that it did, they may differ by as much as that makes of them.
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
    """Return the weakest of several."""
    return max(found, key=ORDER.index)


def differing_row(alone: Array, together: Array) -> int:
    """Return the row whose values differ most; a value that one of both lacks differs more than any number."""
    with np.errstate(invalid="ignore"):  # infinity less infinity
        apart = np.abs(alone - together)
    apart[np.isnan(apart)] = np.inf
    apart[(alone == together) | (np.isnan(alone) & np.isnan(together))] = 0.0
    return int(apart.reshape(len(apart), -1).max(axis=1).argmax())


def _are_float32(alone: Array, together: Array) -> bool:
    """Return whether those values that differ are of float32.

    Values of float32 are such numbers still when they have become float64; by chance one of two hundred million is.
    Half of them are enough: where there are two classes, the probability of the first may be 1 less that of the second.
    """
    differ = alone != together
    pairs = np.stack([alone[differ], together[differ]])
    with np.errstate(over="ignore"):
        single = (pairs.astype(np.float32) == pairs).all(axis=0)
    return bool(2 * np.count_nonzero(single) >= single.size)
