"""Predictions alone and together agree to the last bit, but for rounding in their own precision, or not."""

import numpy as np
import pytest

from app.model.agreement import agreement, worst
from app.schemas.tasks import Stacks

VALUES = np.random.default_rng(0).normal(size=50)
SINGLE = VALUES.astype(np.float32).astype(np.float64)
ODD = np.array([np.nan, np.inf, -np.inf])


def moved(values: np.ndarray, share: float) -> np.ndarray:
    return values + share * np.abs(values).max()


def in_float32(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).astype(np.float64)


@pytest.mark.parametrize(
    ("alone", "together", "expected"),
    [
        (VALUES, VALUES.copy(), "exact"),
        (VALUES, moved(VALUES, 4e-13), "close"),
        (VALUES, moved(VALUES, 4e-12), "no"),
        (VALUES, moved(VALUES, 1e-7), "no"),
        (SINGLE, in_float32(moved(SINGLE, 4e-7)), "close"),
        (SINGLE, in_float32(moved(SINGLE, 4e-6)), "no"),
        (SINGLE, moved(SINGLE, 4e-7), "no"),
        (np.append(ODD, VALUES), np.append(ODD, VALUES), "exact"),
        (np.append(ODD, VALUES), np.append(ODD, moved(VALUES, 4e-13)), "close"),
        (np.append(ODD, VALUES), np.append(ODD[::-1], VALUES), "no"),
        (np.append(ODD, VALUES), np.append(VALUES, ODD), "no"),
        (VALUES, VALUES[:-1], "no"),
        (np.zeros(3), np.full(3, 5e-324), "no"),
    ],
)
def test_values(alone: np.ndarray, together: np.ndarray, expected: Stacks) -> None:
    """Rounding is that of the values' own precision, and what is no finite number is the same on both sides."""
    assert agreement(alone, together, by_float32=True) == expected
    assert agreement(together, alone, by_float32=True) == expected


def test_values_of_a_library_that_counts_in_float64() -> None:
    """They have to agree as float64 does, though they may happen to be numbers of float32."""
    assert agreement(SINGLE, in_float32(moved(SINGLE, 4e-7))) == "no"
    assert agreement(VALUES, moved(VALUES, 4e-13)) == "close"


def test_probabilities_of_two_classes_in_float32() -> None:
    """Where the first is 1 less the second, only half of the values are numbers of float32."""
    alone = in_float32(np.abs(VALUES) / 10)
    together = in_float32(alone * (1 + 2e-7))
    assert agreement(np.stack([1 - alone, alone], 1), np.stack([1 - together, together], 1), by_float32=True) == "close"


def test_labels_are_the_same_or_not() -> None:
    """Codes of labels are not compared by how near they are."""
    assert agreement(VALUES, VALUES, labels=True) == "exact"
    assert agreement(VALUES, moved(VALUES, 4e-13), labels=True) == "no"


def test_the_weakest_counts() -> None:
    """One output that differs is enough."""
    assert worst({"exact", "close"}) == "close"
    assert worst({"no", "exact", "close"}) == "no"
