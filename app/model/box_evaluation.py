"""Compares boxes with labels as COCO does, and finds the thresholds that agree best.

As COCOeval of pycocotools at an overlap of 0.5 over all sizes of objects: each box, best first, takes the free label of
its class that it overlaps most; labels of crowds count neither as found nor as missed.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from app.model.boxes import Array, Boxes, overlaps

MIN_OVERLAP = 0.5  # IoU
MAX_BOXES = 100  # of a class in a picture
RECALLS = np.linspace(0, 1, 101)


class BoxLabels(NamedTuple):
    """The labelled objects of one picture."""

    corners: Array  # [m, 4]
    classes: Array  # [m]
    crowd: Array  # [m], whether it stands for many objects


class BoxMatches(NamedTuple):
    """All boxes of one class, best first, and the number of labelled objects."""

    confidence: Array
    right: Array
    objects: int


def match_class(kind: int, found: Iterable[Boxes], labels: Iterable[BoxLabels]) -> BoxMatches:
    """Find which boxes of a class are correct; boxes on crowds are left out."""
    parts = [_match(kind, *pair) for pair in zip(found, labels, strict=True)]
    confidence = np.concatenate([part.confidence for part in parts])
    order = np.argsort(-confidence, kind="stable")
    right = np.concatenate([part.right for part in parts])[order]
    return BoxMatches(confidence[order], right, sum(part.objects for part in parts))


def _match(kind: int, found: Boxes, labels: BoxLabels) -> BoxMatches:
    """Match the boxes of a class in one picture."""
    mine, theirs = found.classes == kind, labels.classes == kind
    boxes, confidence = found.corners[mine][:MAX_BOXES], found.confidence[mine][:MAX_BOXES]
    crowd = labels.crowd[theirs]
    union, inside = overlaps(boxes, labels.corners[theirs])
    free = np.where(crowd, -1.0, union)
    outcome = np.zeros(len(boxes), int)
    for index in range(len(boxes)):
        if free.shape[1] and free[index].max() >= MIN_OVERLAP:
            taken = len(crowd) - 1 - int(free[index, ::-1].argmax())  # the last of several, as in COCOeval
            free[:, taken] = -1.0
            outcome[index] = 1
        elif (inside[index][crowd] >= MIN_OVERLAP).any():
            outcome[index] = -1
    counted = outcome >= 0
    return BoxMatches(confidence[counted], outcome[counted] == 1, int((~crowd).sum()))


def average_precision(matches: BoxMatches) -> float:
    """Return the mean over 101 recalls of the best precision at that recall or beyond."""
    hits = np.cumsum(matches.right)
    precision = hits / np.arange(1, len(hits) + 1)
    best_beyond = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(hits / matches.objects, RECALLS, side="left")
    return float(np.append(best_beyond, 0.0)[place].mean())


def best_threshold(matches: BoxMatches) -> float | None:
    """Return the confidence threshold with the best F1; None if no box is correct."""
    if not matches.right.any():
        return None
    cut = np.append(np.diff(matches.confidence) < 0, True)  # boxes of equal confidence stay together
    f1 = 2 * np.cumsum(matches.right) / (np.arange(1, len(cut) + 1) + matches.objects)
    last = int(np.where(cut, f1, 0.0).argmax())
    rest = matches.confidence[last + 1 : last + 2]
    return float((matches.confidence[last] + (rest[0] if len(rest) else matches.confidence[last])) / 2)


def evaluate(found: Sequence[Boxes], labels: Sequence[BoxLabels], thresholds: Array) -> dict[str, Any]:
    """Return mAP@0.5 over the classes that occur in the labels, and precision, recall and F1 at the thresholds.

    `thresholds` has the least confidence for each class, by its index.
    """
    matches = [match_class(kind, found, labels) for kind in range(len(thresholds))]
    precisions = [average_precision(each) for each in matches if each.objects]
    shown = sum(int((each.confidence >= low).sum()) for each, low in zip(matches, thresholds, strict=True))
    right = sum(int(each.right[each.confidence >= low].sum()) for each, low in zip(matches, thresholds, strict=True))
    objects = sum(each.objects for each in matches)
    return {
        "map50": float(np.mean(precisions)) if precisions else None,
        "precision": right / shown if shown else None,
        "recall": right / objects if objects else None,
        "f1": 2 * right / (shown + objects) if shown + objects else None,
        "pictures": len(labels),
        "objects": objects,
    }
