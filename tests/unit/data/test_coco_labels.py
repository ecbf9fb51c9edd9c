"""Labels in COCO's format are read with their pictures; what is wrong with them is said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.data.coco_labels import LabelledPicture, read_coco_labels

NAMES = ("cat", "dog")


def read(folder: Path, **changes: Any) -> list[LabelledPicture]:
    document = {
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "deep/b.jpg"}],
        "annotations": [{"image_id": 8, "category_id": 18, "bbox": [1, 2.5, 10, 20]}],
        "categories": [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}],
        **changes,
    }
    (folder / "deep").mkdir()
    for name in ("a.jpg", "deep/b.jpg"):
        (folder / name).touch()
    (folder / "annotations.json").write_text(json.dumps(document))
    return read_coco_labels(folder, NAMES)


def test_labels_are_corners_and_classes_by_index(tmp_path: Path) -> None:
    empty, dog = read(tmp_path)
    assert (empty.path, dog.path) == (tmp_path / "a.jpg", tmp_path / "deep/b.jpg")
    assert empty.labels.corners.shape == (0, 4)
    np.testing.assert_array_equal(dog.labels.corners, [[1, 2.5, 11, 22.5]])
    assert (dog.labels.classes.tolist(), dog.labels.crowd.tolist()) == ([1], [False])


def test_a_crowd_is_one(tmp_path: Path) -> None:
    annotation = {"image_id": 7, "category_id": 17, "bbox": [0, 0, 5, 5], "iscrowd": 1, "segmentation": {"counts": []}}
    assert read(tmp_path, annotations=[annotation])[0].labels.crowd.tolist() == [True]


@pytest.mark.parametrize("name", ["./a.jpg", "deep//b.jpg"])
def test_a_picture_may_be_named_in_another_way(name: str, tmp_path: Path) -> None:
    assert read(tmp_path, images=[{"id": 8, "file_name": name}])[0].path.is_file()


@pytest.mark.parametrize("name", ["", ".", "deep", "gone.jpg", "../a.jpg", "/etc/passwd", "a" * 5000, "a.jpg\0"])
def test_a_picture_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"annotations\.json: the zip has no picture '"):
        read(tmp_path, images=[{"id": 8, "file_name": name}])


@pytest.mark.parametrize(
    "changes",
    [
        {"images": [{"id": 8, "file_name": "a.jpg"}, {"id": 8, "file_name": "deep/b.jpg"}]},
        {"categories": [{"id": 18, "name": "cat"}, {"id": 18, "name": "dog"}]},
    ],
)
def test_an_id_names_one_thing(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two images or two categories have the same id"):
        read(tmp_path, **changes)


@pytest.mark.parametrize("bbox", [[0, 0, 1e300, 1e300], [-1e300, 0, 5, 5], [0, 0, -1, 5], [0, 0, 5], "0 0 5 5"])
def test_a_box_that_cannot_be_is_refused_where_it_stands(bbox: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"annotations\.json: .*\$\.annotations\[0\]\.bbox"):
        read(tmp_path, annotations=[{"image_id": 8, "category_id": 18, "bbox": bbox}])
