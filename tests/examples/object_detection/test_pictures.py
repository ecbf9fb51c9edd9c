"""Objects are found in pictures of every kind, in pixels of the picture as a viewer shows it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from app.data.pictures import TURNS, SquarePicture, read_square
from app.model.boxes import Boxes
from examples.object_detection.classes import NAMES
from examples.object_detection.detection import SIDE, described, detect

SAMPLES = Path("examples/object_detection/samples")
ASTRONAUT = SAMPLES / "astronaut.jpg"
PERSON = [15, 14, 364, 508]  # pixels
THRESHOLDS = np.full(80, 0.35)


def read_picture(path: Path) -> SquarePicture:
    return read_square(path, SIDE)


def found(path: Path) -> Boxes:
    return detect([read_picture(path)], THRESHOLDS)[0]


def person(path: Path, corners: list[int], within: float = 12) -> None:
    """A person is what is seen best, at these corners."""
    boxes = found(path)
    assert boxes.classes[0] == NAMES.index("person")
    np.testing.assert_allclose(boxes.corners[0], corners, atol=within)


def test_a_person_is_found_where_the_person_is() -> None:
    (astronaut,) = described(found(ASTRONAUT))
    assert astronaut["name"] == "person"
    assert astronaut["class"] == 0
    assert astronaut["confidence"] == pytest.approx(0.73, abs=0.01)
    assert list(astronaut["box"]) == ["x1", "y1", "x2", "y2"]
    assert list(astronaut["box"].values()) == pytest.approx(PERSON, abs=2)


def test_several_pictures_are_found_together_as_alone() -> None:
    paths = [ASTRONAUT, SAMPLES / "cat.jpg"]
    together = detect([read_picture(path) for path in paths], THRESHOLDS)
    for path, boxes in zip(paths, together, strict=True):
        np.testing.assert_allclose(boxes.corners, found(path).corners, atol=0.01)
        np.testing.assert_allclose(boxes.confidence, found(path).confidence, atol=1e-4)
    assert together[1].classes[0] == NAMES.index("cat")


@pytest.mark.parametrize("orientation", sorted(TURNS))
def test_a_picture_that_lies_on_its_side_is_turned_upright(orientation: int, tmp_path: Path) -> None:
    """EXIF says how; the boxes are those of the upright picture."""
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(orientation, TURNS[orientation])
    with Image.open(ASTRONAUT) as upright:
        wide = Image.new("RGB", (700, 512))
        wide.paste(upright, (150, 0))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    wide.transpose(back).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    assert read_picture(tmp_path / "turned.jpg").size == (700, 512)
    person(tmp_path / "turned.jpg", [PERSON[0] + 150, PERSON[1], PERSON[2] + 150, PERSON[3]], 25)


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "RGBA", "LA", "1"])
@pytest.mark.parametrize("extension", ["png", "jpg"])
def test_every_mode_is_read(mode: str, extension: str, tmp_path: Path) -> None:
    if (mode, extension) in {("CMYK", "png"), ("P", "jpg"), ("RGBA", "jpg"), ("LA", "jpg")}:
        extension = {"png": "jpg", "jpg": "png"}[extension]  # the format has no such mode
    with Image.open(ASTRONAUT) as picture:
        picture.convert(mode).save(tmp_path / f"a.{extension}")
    boxes = found(tmp_path / f"a.{extension}")
    if mode != "1":  # dots of black and white
        assert NAMES.index("person") in boxes.classes


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_matter(tmp_path: Path) -> None:
    with Image.open(ASTRONAUT) as picture:
        picture.save(tmp_path / "odd.jpg", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")
    person(tmp_path / "odd.jpg", PERSON)


@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 3000)])
def test_nothing_is_found_in_a_line_or_a_dot(size: tuple[int, int], tmp_path: Path) -> None:
    Image.new("RGB", size, "white").save(tmp_path / "thin.png")
    assert not len(found(tmp_path / "thin.png").classes)
