"""Converts predicted labels to codes: positions among the classes of the fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.model.base import NotNumbers
from app.model.dataframes import Array
from app.schemas.tasks import Label


def codes_of(labels: Any, classes: Sequence[Label]) -> Array:
    """Return the positions of predicted labels among the classes of a fit; raise NotNumbers for an unknown label.

    Arrays of comparable types are compared by numpy, which is fast; anything else is compared by Python.
    """
    found, known = np.asarray(labels), np.array(classes)
    if found.ndim == 1 and (found.dtype.kind in "biuf") == (known.dtype.kind in "biuf") and found.dtype.kind != "O":
        codes = np.searchsorted(known, found).clip(max=len(known) - 1)
        if (known[codes] == found).all():
            return codes.astype(np.float64)
    positions = {label: code for code, label in enumerate(classes)}
    try:
        return np.array([positions[label] for label in found.tolist()], dtype=np.float64)
    except (KeyError, TypeError):
        raise NotNumbers("predict returned something that is no label of the fit") from None


def in_order(probabilities: Array, own: Any, classes: Sequence[Label]) -> Array:
    """Return probabilities whose columns are a model's own classes with a column for each of `classes`, in order."""
    codes = codes_of(own, classes).astype(np.intp)
    if codes.tolist() == list(range(len(classes))) or probabilities.shape != (len(probabilities), len(codes)):
        return probabilities
    found = np.zeros((len(probabilities), len(classes)))
    found[:, codes] = probabilities
    return found
