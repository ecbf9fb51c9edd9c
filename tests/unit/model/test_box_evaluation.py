"""Boxes are compared with labels as COCO's own tool does."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from app.model.box_evaluation import BoxLabels, BoxMatches, best_threshold, evaluate, match_class
from app.model.boxes import Boxes, overlaps, without_overlaps

CLASSES = 80
THRESHOLDS = np.full(CLASSES, 0.35)


def coco_map50(found: Sequence[Boxes], labels: Sequence[BoxLabels]) -> float:
    """What pycocotools gives."""
    truth, annotations, boxes = COCO(), [], []
    for image, (mine, theirs) in enumerate(zip(found, labels, strict=True), start=1):
        for corners, kind, crowd in zip(*theirs, strict=True):
            x, y, width, height = [*corners[:2], *(corners[2:] - corners[:2])]
            box = {"image_id": image, "category_id": int(kind), "bbox": [x, y, width, height], "area": width * height}
            annotations.append({"id": len(annotations) + 1, "iscrowd": int(crowd), **box})
        for corners, kind, confidence in zip(*mine, strict=True):
            box = {"image_id": image, "category_id": int(kind), "bbox": [*corners[:2], *(corners[2:] - corners[:2])]}
            boxes.append({**box, "score": float(confidence)})
    truth.dataset = {
        "info": {},
        "images": [{"id": image + 1} for image in range(len(labels))],
        "categories": [{"id": index, "name": str(index)} for index in range(CLASSES)],
        "annotations": annotations,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(boxes), "bbox")
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][0, :, :, 0, -1]  # overlap 0.5, all sizes, 100 boxes
    return float(precision[precision > -1].mean())


def scene(seed: int, crowds: float) -> tuple[list[Boxes], list[BoxLabels]]:
    """Pictures with labels, and boxes that meet some of them more or less."""
    random = np.random.default_rng(seed)
    found, labels = [], []
    for _ in range(12):
        count = int(random.integers(0, 12))
        start = random.uniform(0, 300, (count, 2))
        corners = np.hstack([start, start + random.uniform(5, 150, (count, 2))])
        kinds = random.integers(0, 4, count)
        labels.append(BoxLabels(corners, kinds, random.random(count) < crowds))
        near = np.repeat(corners, 3, axis=0) + random.normal(0, 8, (3 * count, 4))
        stray = random.uniform(0, 200, (5, 2))
        boxes = np.vstack([near, np.hstack([stray, stray + 40])])
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        classes = np.concatenate([np.repeat(kinds, 3), random.integers(0, 5, 5)])
        confidence = np.round(random.random(len(boxes)), 2)  # with many ties
        order = np.argsort(-confidence, kind="stable")
        found.append(Boxes(boxes[order], classes[order], confidence[order]))
    return found, labels


@pytest.mark.parametrize("crowds", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(10))
def test_map_is_that_of_pycocotools(seed: int, crowds: float) -> None:
    found, labels = scene(seed, crowds)
    assert evaluate(found, labels, THRESHOLDS)["map50"] == pytest.approx(coco_map50(found, labels), abs=1e-12)


def test_more_than_100_boxes_of_a_class_are_cut_as_in_pycocotools() -> None:
    corners = np.array([[10.0 * i, 0, 10 * i + 9, 9] for i in range(150)])
    found = [Boxes(corners, np.zeros(150, int), np.linspace(1, 0.5, 150))]
    labels = [BoxLabels(corners, np.zeros(150, int), np.zeros(150, bool))]
    value = evaluate(found, labels, THRESHOLDS)["map50"]
    assert value == pytest.approx(coco_map50(found, labels), abs=1e-12)
    assert 0.6 < value < 0.7


def test_nothing_to_find_has_no_score() -> None:
    nothing = BoxLabels(np.empty((0, 4)), np.empty(0, int), np.empty(0, bool))
    found = Boxes(np.array([[0.0, 0, 5, 5]]), np.array([0]), np.array([0.9]))
    assert evaluate([found], [nothing], THRESHOLDS) == {
        "map50": None,
        "precision": 0.0,
        "recall": None,
        "f1": 0.0,
        "pictures": 1,
        "objects": 0,
    }


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_the_best_of_all(seed: int) -> None:
    matches = match_class(0, *scene(seed, 0.0))
    threshold = best_threshold(matches)
    assert threshold is not None
    tried = [f1(matches, low) for low in np.linspace(0, 1, 1001)]
    assert f1(matches, threshold) == pytest.approx(max(tried))


def test_a_class_that_was_never_right_has_no_threshold() -> None:
    assert best_threshold(BoxMatches(np.array([0.9]), np.array([False]), 1)) is None
    assert best_threshold(BoxMatches(np.empty(0), np.empty(0, bool), 1)) is None


def test_boxes_without_area_overlap_nothing() -> None:
    flat = np.array([[5.0, 5, 5, 9]])
    assert overlaps(flat, flat)[0].item() == 0
    assert overlaps(flat, np.array([[0.0, 0, 9, 9]]))[1].item() == 0


def test_of_boxes_of_a_class_that_overlap_the_best_stays() -> None:
    corners = np.array([[0.0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 5], [0, 0, 10, 10]])
    boxes = Boxes(corners, np.array([3, 3, 3, 4]), np.array([0.9, 0.8, 0.7, 0.6]))
    kept = without_overlaps(boxes, 0.5)
    assert kept.confidence.tolist() == [0.9, 0.7, 0.6]
    assert kept.classes.tolist() == [3, 3, 4]
    nothing = Boxes(np.empty((0, 4)), np.empty(0, int), np.empty(0))
    assert len(without_overlaps(nothing, 0.5).corners) == 0


def f1(matches: BoxMatches, threshold: float) -> float:
    shown = matches.confidence >= threshold
    return float(2 * matches.right[shown].sum() / (shown.sum() + matches.objects))
