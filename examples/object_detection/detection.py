"""Runs NanoDet on pictures, and turns what it gives into boxes.

Generalized focal loss (Li et al., NeurIPS 2020, §3.2): each cell of a grid gives the distances of its centre to the
four sides of a box as distributions over 0 to 10 strides.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from app.data.pictures import SquarePicture
from app.model.boxes import Array, Boxes, without_overlaps
from examples.object_detection.classes import NAMES

WEIGHTS = Path(__file__).with_name("nanodet.onnx")
SIDE = 416  # pixels of the square that the network takes
MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # blue, green, red
DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)
STRIDES = (8, 16, 32)  # pixels
BINS = 11
MAX_OVERLAP = 0.5  # IoU; of two boxes of a class that overlap more, the better stays
MAX_CANDIDATES = 1_000  # boxes of a picture among which such overlaps are looked for
LOWEST = 0.05  # confidence; below it nothing is ever shown


@cache
def session() -> Any:
    """Return the network, loaded once in a process; with one thread, since processes share the work."""
    import onnxruntime  # noqa: PLC0415 - web processes of async mode know the model, and never run it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(WEIGHTS.read_bytes(), options, providers=["CPUExecutionProvider"])


def detect(pictures: Sequence[SquarePicture], thresholds: Array) -> list[Boxes]:
    """Return what is in the pictures; `thresholds` (80,) is the least confidence for each class."""
    stacked = np.stack([network_input(picture) for picture in pictures])
    scores, distances = session().run(["scores", "distances"], {"pictures": stacked})
    return [_boxes(*parts, thresholds) for parts in zip(pictures, scores, distances, strict=True)]


def network_input(picture: SquarePicture) -> Array:
    """Return a picture [3, SIDE, SIDE] as the network was trained: blue, green and red, standardized."""
    blue_green_red = picture.pixels[:, :, ::-1].astype(np.float32)
    return ((blue_green_red - MEAN) / DEVIATION).transpose(2, 0, 1)


def _boxes(picture: SquarePicture, scores: Array, distances: Array, thresholds: Array) -> Boxes:
    cells, classes = np.nonzero(scores >= np.maximum(thresholds, LOWEST))
    confidence = scores[cells, classes]
    best = np.argsort(-confidence, kind="stable")[:MAX_CANDIDATES]
    cells, classes, confidence = cells[best], classes[best], confidence[best]
    corners = picture.in_picture(_corners(cells, distances[cells]))
    return without_overlaps(Boxes(corners, classes, confidence), MAX_OVERLAP)


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
