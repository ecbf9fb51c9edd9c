"""The detector as a model: what predict, fit and score give, and what of labels is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.data.coco_labels import read_coco_labels
from app.data.pictures import read_square
from app.model.box_evaluation import evaluate
from app.model.file_estimators import FileEstimator
from app.model.files import InputFile
from examples.object_detection.classes import NAMES
from examples.object_detection.detection import SIDE, detect
from examples.object_detection.model import Detector
from tests.examples.object_detection.labelled import SAMPLES, annotations, write_folder
from tests.unit.model.test_box_evaluation import coco_map50

PICTURES = [InputFile(SAMPLES / name, name, "image/jpeg") for name in ("astronaut.jpg", "cat.jpg")]


def test_classes_are_cocos() -> None:
    assert len(NAMES) == len(set(NAMES)) == 80
    assert [NAMES.index(name) for name in ("person", "cat", "dining table", "toothbrush")] == [0, 15, 60, 79]


def test_predictions_name_objects_and_the_size_of_the_picture() -> None:
    astronaut, cat = Detector().fit(None).predict(PICTURES)
    assert (astronaut["width"], astronaut["height"]) == (512, 512)
    assert astronaut["objects"][0]["name"] == "person"
    assert cat["objects"][0] | {"confidence": 0, "box": 0} == {"name": "cat", "class": 15, "confidence": 0, "box": 0}


def test_without_labels_a_fit_takes_one_threshold_for_all() -> None:
    model = Detector(threshold=0.9).fit(None)
    assert set(model.thresholds_) == {0.9}
    assert model.predict(PICTURES[:1])[0]["objects"] == []
    assert model.predict(PICTURES[:1], threshold=0.5)[0]["objects"]


def test_a_fit_calibrates_the_classes_of_the_labels(tmp_path: Path) -> None:
    model = Detector(threshold=0.9).fit(write_folder(tmp_path))
    assert model.calibrated_ == ["person", "cat"]
    assert model.thresholds_[NAMES.index("person")] < 0.73
    assert model.thresholds_[NAMES.index("dog")] == 0.9
    metrics = model.fit_metrics()
    assert metrics == {"map50": 1.0, "precision": 1.0, "recall": 1.0, "f1": 1.0, "pictures": 2, "objects": 2}
    assert [len(each["objects"]) for each in model.predict(PICTURES)] == [1, 1]
    assert model.score(tmp_path) == metrics


def test_what_a_fit_learned_comes_back_from_the_store(tmp_path: Path) -> None:
    estimator = FileEstimator(Detector)
    fitted = estimator.fit_files({"threshold": 0.5}, write_folder(tmp_path))
    restored = estimator.load(fitted.save())
    np.testing.assert_array_equal(restored.instance.thresholds_, fitted.instance.thresholds_)
    assert restored.instance.predict(PICTURES) == fitted.instance.predict(PICTURES)


def test_a_picture_that_is_damaged_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "cat.jpg").write_bytes((tmp_path / "cat.jpg").read_bytes()[:9_000])
    with pytest.raises(ValueError, match=r"cat\.jpg: the picture is damaged"):
        Detector().fit(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": []}, "images"),
        ({"images": [{"id": 1, "file_name": "../secret.jpg"}]}, "an annotation names an image"),
        ({"images": [{"id": 1, "file_name": "../secret.jpg"}], "annotations": []}, "no picture '../secret.jpg'"),
        ({"images": [{"id": 1, "file_name": "gone.jpg"}], "annotations": []}, "no picture 'gone.jpg'"),
        ({"categories": [{"id": 1, "name": "unicorn"}]}, "'unicorn' is not one of the model's 80"),
        ({"categories": []}, "an annotation names an image or category"),
        ({"annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, -5, 5]}]}, "bbox"),
        ({"annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 5]}]}, "bbox"),
        ({"annotations": 5}, "annotations"),
    ],
)
def test_wrong_labels_are_refused_with_a_reason(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"annotations\.json: .*{message}|the zip has {message}"):
        Detector().score(write_folder(tmp_path, annotations(**changes)))


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no annotations\.json at its top"):
        Detector().fit(tmp_path)


def test_map_of_boxes_that_were_found_in_pictures_is_that_of_pycocotools(tmp_path: Path) -> None:
    """With all doubtful ones, and labels of which one is met and one is not."""
    document = annotations()
    document["annotations"].append({"image_id": 2, "category_id": 1, "bbox": [300, 10, 40, 60]})
    labelled = read_coco_labels(write_folder(tmp_path, document), NAMES)
    found = detect([read_square(each.path, SIDE) for each in labelled], np.full(80, 0.05))
    labels = [each.labels for each in labelled]
    value = evaluate(found, labels, np.full(80, 0.35))["map50"]
    assert value == pytest.approx(coco_map50(found, labels), abs=1e-12)
    assert 0.5 < value < 1
