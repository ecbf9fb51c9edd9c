"""Finds out from the operators of an ONNX graph whether it takes missing values, and whether rows decide its cost."""

from __future__ import annotations

from collections.abc import Collection

_FOR_MISSING = frozenset({b"TreeEnsembleClassifier", b"TreeEnsembleRegressor", b"TreeEnsemble", b"Imputer", b"IsNaN"})
_ENDLESS = frozenset({b"Loop"})
_REPEATING = frozenset({b"Scan", b"SequenceMap"})
"""Operators that do a graph once for each part of what they are given."""
_SIZED_BY_VALUES = frozenset({
    b"AffineGrid", b"BlackmanWindow", b"CenterCropPad", b"ConstantOfShape", b"DFT", b"Expand", b"HammingWindow",
    b"HannWindow", b"MaxUnpool", b"MelWeightMatrix", b"OneHot", b"Pad", b"Range", b"Resize", b"STFT", b"Tile",
    b"Upsample",
})  # fmt: skip
"""Operators that make as much as a value says which may come from a row."""
_LENGTHENING = frozenset({b"StringConcat"})


def takes_missing(operators: Collection[bytes]) -> bool:
    """Whether a graph has a way for missing values: trees, and what fills them in or looks for them."""
    return not _FOR_MISSING.isdisjoint(operators)


def is_unbounded(operators: Collection[bytes], *, has_texts: bool) -> bool:
    """Whether a row may make a graph run without end, or take memory of which its arena knows nothing.

    The characters of texts lie outside the arena; there are as many as a value says, or as long as they were joined.
    """
    if not _ENDLESS.isdisjoint(operators):
        return True
    if has_texts and not _LENGTHENING.isdisjoint(operators):
        return True
    return not _SIZED_BY_VALUES.isdisjoint(operators) and (has_texts or not _REPEATING.isdisjoint(operators))
