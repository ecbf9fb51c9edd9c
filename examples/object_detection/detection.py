"""Runs NanoDet on pictures, and turns what it gives into boxes.

Generalized focal loss (Li et al., NeurIPS 2020, §3.2): each cell of a grid gives the distances of its centre to the
four sides of a box as distributions over 0 to 10 strides.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from examples.object_detection.classes import NAMES
from examples.object_detection.pictures import SIDE, Fitted

WEIGHTS = Path(__file__).with_name("nanodet.onnx")
STRIDES = (8, 16, 32)  # pixels
BINS = 11
MAX_OVERLAP = 0.5  # IoU; of two boxes of a class that overlap more, the better stays
MAX_CANDIDATES = 1_000  # boxes of a picture among which such overlaps are looked for
LOWEST = 0.05  # confidence; below it nothing is ever shown

Array = npt.NDArray[Any]


class Boxes(NamedTuple):
    """What was found in one picture, best first."""

    corners: Array  # [n, 4], x1, y1, x2, y2 in pixels of the upright picture
    classes: Array  # [n]
    confidence: Array  # [n]


@cache
def session() -> Any:
    """Return the network, loaded once in a process; with one thread, since processes share the work."""
    import onnxruntime  # noqa: PLC0415 - web processes of async mode know the model, and never run it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(WEIGHTS.read_bytes(), options, providers=["CPUExecutionProvider"])


def detect(pictures: Sequence[Fitted], thresholds: Array) -> list[Boxes]:
    """Return what is in the pictures; `thresholds` (80,) is the least confidence for each class."""
    stacked = np.stack([picture.pixels for picture in pictures])
    scores, distances = session().run(["scores", "distances"], {"pictures": stacked})
    return [_boxes(*parts, thresholds) for parts in zip(pictures, scores, distances, strict=True)]


def _boxes(picture: Fitted, scores: Array, distances: Array, thresholds: Array) -> Boxes:
    cells, classes = np.nonzero(scores >= np.maximum(thresholds, LOWEST))
    confidence = scores[cells, classes]
    best = np.argsort(-confidence, kind="stable")[:MAX_CANDIDATES]
    cells, classes, confidence = cells[best], classes[best], confidence[best]
    corners = (_corners(cells, distances[cells]) - np.tile(picture.corner, 2)) / picture.scale
    corners = np.clip(corners, 0, np.tile(picture.size, 2))
    kept = _without_overlaps(corners, classes)
    return Boxes(corners[kept], classes[kept], confidence[kept])


@cache
def _grid() -> tuple[Array, Array]:
    """Return centre (x, y) and stride of every cell, in the order of the network's outputs."""
    centres, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: SIDE // stride, : SIDE // stride].reshape(2, -1)
        centres.append((np.column_stack([x, y]) + 0.5) * stride)
        strides.append(np.full(len(x), stride))
    return np.concatenate(centres), np.concatenate(strides)


def _corners(cells: Array, distances: Array) -> Array:
    """Return boxes (n, 4) in pixels of the square, from logits (n, 44) for left, top, right and bottom."""
    centres, strides = _grid()
    logits = distances.reshape(-1, 4, BINS).astype(float)
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    mean = weights @ np.arange(BINS) / weights.sum(axis=2) * strides[cells, np.newaxis]
    return np.hstack([centres[cells] - mean[:, :2], centres[cells] + mean[:, 2:]])


def overlaps(first: Array, second: Array) -> tuple[Array, Array]:
    """Return intersection over union (n, m) of two sets of boxes, and intersection over the area of the first."""
    low = np.maximum(first[:, np.newaxis, :2], second[:, :2])
    high = np.minimum(first[:, np.newaxis, 2:], second[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    own = np.prod(first[:, 2:] - first[:, :2], axis=1)[:, np.newaxis]
    other = np.prod(second[:, 2:] - second[:, :2], axis=1)
    tiny = np.finfo(float).tiny  # boxes without area overlap nothing
    return shared / np.maximum(own + other - shared, tiny), shared / np.maximum(own, tiny)


def _without_overlaps(corners: Array, classes: Array) -> list[int]:
    """Return which boxes stay, class by class; they are sorted, best first."""
    kept: list[int] = []
    for index in range(len(corners)):
        rivals = [other for other in kept if classes[other] == classes[index]]
        if not rivals or overlaps(corners[[index]], corners[rivals])[0].max() <= MAX_OVERLAP:
            kept.append(index)
    return kept


def described(boxes: Boxes) -> list[dict[str, Any]]:
    """Return the boxes as JSON has them."""
    return [
        {
            "name": NAMES[kind],
            "class": int(kind),
            "confidence": round(float(confidence), 4),
            "box": dict(zip(("x1", "y1", "x2", "y2"), np.round(corners, 1).tolist(), strict=True)),
        }
        for corners, kind, confidence in zip(*boxes, strict=True)
    ]
