"""Pictures of every kind are read as a viewer shows them, or refused with a reason."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from examples.object_detection.classes import INDEX
from examples.object_detection.detection import Boxes, described, detect
from examples.object_detection.pictures import DEVIATION, MAX_PIXELS, MEAN, ORIENTATION, TURNS, read_picture

SAMPLES = Path("examples/object_detection/samples")
ASTRONAUT = SAMPLES / "astronaut.jpg"
PERSON = [15, 14, 364, 508]  # pixels
THRESHOLDS = np.full(80, 0.35)


def found(path: Path) -> Boxes:
    return detect([read_picture(path)], THRESHOLDS)[0]


def colours(path: Path) -> np.ndarray:
    """What the detector sees: red, green and blue (416, 416, 3), from 0 to 255."""
    pixels = read_picture(path).pixels
    return np.round(pixels.transpose(1, 2, 0) * DEVIATION + MEAN)[:, :, ::-1]


def person(path: Path, corners: list[int], within: float = 12) -> None:
    """A person is what is seen best, at these corners."""
    boxes = found(path)
    assert boxes.classes[0] == INDEX["person"]
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
    assert together[1].classes[0] == INDEX["cat"]


@pytest.mark.parametrize("orientation", sorted(TURNS))
def test_a_picture_that_lies_on_its_side_is_turned_upright(orientation: int, tmp_path: Path) -> None:
    """EXIF says how; the boxes are those of the upright picture."""
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(orientation, TURNS[orientation])
    with Image.open(ASTRONAUT) as upright:
        wide = Image.new("RGB", (700, 512))
        wide.paste(upright, (150, 0))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
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
        assert INDEX["person"] in boxes.classes


def test_16_bits_of_grey_keep_their_greys(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(416) * 157, (416, 1)).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    np.testing.assert_allclose(colours(tmp_path / "deep.png")[0, :, 0], np.arange(416) * 157 // 256, atol=1)


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    Image.new("RGBA", (416, 416), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (colours(tmp_path / "clear.png") == 255).all()


def test_a_palette_with_a_transparent_colour_is_white_there(tmp_path: Path) -> None:
    Image.new("P", (416, 416)).save(tmp_path / "clear.png", transparency=0)
    assert (colours(tmp_path / "clear.png") == 255).all()


def test_of_an_animation_the_first_picture_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (416, 416), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.png", save_all=True, append_images=frames[1:], duration=100)
    assert (colours(tmp_path / "moving.png") == [255, 0, 0]).all()


@pytest.mark.parametrize(("size", "inner"), [((1, 1), 416 * 416), ((3000, 1), 416), ((1, 3000), 416)])
def test_pictures_of_a_line_or_a_dot_are_read(size: tuple[int, int], inner: int, tmp_path: Path) -> None:
    Image.new("RGB", size, "white").save(tmp_path / "thin.png")
    assert (colours(tmp_path / "thin.png") == 255).all(axis=2).sum() == inner
    assert not len(found(tmp_path / "thin.png").classes)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_matter(tmp_path: Path) -> None:
    with Image.open(ASTRONAUT) as picture:
        picture.save(tmp_path / "odd.jpg", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")
    person(tmp_path / "odd.jpg", PERSON)


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95])
@pytest.mark.parametrize("extension", ["png", "jpg"])
def test_a_truncated_picture_is_refused(kept: float, extension: str, tmp_path: Path) -> None:
    whole = io.BytesIO()
    with Image.open(ASTRONAUT) as picture:
        picture.save(whole, {"jpg": "JPEG"}.get(extension, "PNG"))
    (tmp_path / "cut").write_bytes(whole.getvalue()[: int(whole.tell() * kept)])
    with pytest.raises(ValueError, match="the picture is damaged"):
        read_picture(tmp_path / "cut")


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"%PDF-1.7", b"\xff\xd8\xff", b"text"])
def test_what_is_no_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(ValueError, match=r"no JPEG or PNG|damaged"):
        read_picture(tmp_path / "other")


@pytest.mark.parametrize("side", [8_001, 10_000, 60_000])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked(side: int, tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb(side))
    with pytest.raises(ValueError, match=f"{MAX_PIXELS:,}"):
        read_picture(tmp_path / "bomb.png")


def test_a_missing_file_is_not_the_fault_of_its_sender(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_picture(tmp_path / "gone.png")


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that announces many pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1_000))), (b"IEND", b""))
    packed = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)
