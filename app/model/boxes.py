"""Boxes around objects in a picture: their overlaps, and the removal of duplicates."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Boxes(NamedTuple):
    """The detected objects of one picture, best first."""

    corners: Array  # [n, 4], x1, y1, x2, y2 in pixels of the upright picture
    classes: Array  # [n], the index of each one's class
    confidence: Array  # [n], from 0 to 1


def overlaps(first: Array, second: Array) -> tuple[Array, Array]:
    """Return intersection over union (n, m) of two sets of boxes, and intersection over the area of the first."""
    low = np.maximum(first[:, np.newaxis, :2], second[:, :2])
    high = np.minimum(first[:, np.newaxis, 2:], second[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    own = np.prod(first[:, 2:] - first[:, :2], axis=1)[:, np.newaxis]
    other = np.prod(second[:, 2:] - second[:, :2], axis=1)
    tiny = np.finfo(float).tiny  # boxes without area overlap nothing
    return shared / np.maximum(own + other - shared, tiny), shared / np.maximum(own, tiny)


def without_overlaps(boxes: Boxes, max_overlap: float) -> Boxes:
    """Leave out each box whose intersection over union with a better one of its class is more than `max_overlap`."""
    corners, classes, _ = boxes
    kept: list[int] = []
    for index in range(len(corners)):
        rivals = [other for other in kept if classes[other] == classes[index]]
        if not rivals or overlaps(corners[[index]], corners[rivals])[0].max() <= max_overlap:
            kept.append(index)
    return Boxes(*(values[kept] for values in boxes))
