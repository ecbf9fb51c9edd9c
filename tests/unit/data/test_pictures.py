"""Pictures of every kind are read as a viewer shows them, or refused with a reason."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from app.data.pictures import MAX_PIXELS, MEDIA_TYPES, TURNS, read_picture, read_square

JPEG_OR_PNG = ("image/jpeg", "image/png")
QUARTERS = ("red", "lime", "blue", "white")  # top left, top right, bottom left, bottom right
MODES = {  # those that Pillow writes
    "jpg": ("1", "L", "RGB", "CMYK", "YCbCr"),
    "png": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "gif": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "webp": ("L", "RGB", "RGBA"),
    "bmp": ("1", "L", "P", "RGB", "RGBA"),
    "tiff": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"),
}
READERS = pytest.mark.parametrize("read", [read_picture, lambda path, types: read_square(path, 416, types)])
Read = Callable[[Path, tuple[str, ...]], object]


def colours(path: Path) -> np.ndarray:
    """What a model sees: red, green and blue (416, 416, 3), from 0 to 255; at its full size it is the same picture."""
    pixels = read_square(path, 416).pixels
    whole = np.asarray(read_picture(path))
    if whole.shape == pixels.shape:
        np.testing.assert_array_equal(whole, pixels)
    return pixels


def quartered(size: tuple[int, int] = (60, 40)) -> Image.Image:
    """A picture with another colour in each corner."""
    small = Image.new("RGB", (2, 2))
    small.putdata([Image.new("RGB", (1, 1), colour).getpixel((0, 0)) for colour in QUARTERS])
    return small.resize(size, Image.Resampling.NEAREST)


def corners(picture: Image.Image) -> list[tuple[int, int, int]]:
    """The colours near the four corners, from 0 to 3 of each."""
    width, height = picture.size
    places = [(x, y) for y in (height // 8, height * 7 // 8) for x in (width // 8, width * 7 // 8)]
    return [tuple(round(value / 85) for value in picture.getpixel(place)) for place in places]


@pytest.mark.parametrize("orientation", [1, *sorted(TURNS)])
@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tiff"])
def test_a_picture_is_turned_upright_in_every_format_that_says_how(
    orientation: int, extension: str, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(orientation, TURNS.get(orientation))
    lying = quartered() if back is None else quartered().transpose(back)
    path = tmp_path / f"turned.{extension}"
    lying.save(
        path, exif=exif, **{"jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}.get(extension, {})
    )
    upright = read_picture(path)
    assert upright.size == (60, 40)
    assert corners(upright) == corners(quartered())
    square = read_square(path, 90)
    assert (square.size, square.scale, square.corner) == ((60, 40), 1.5, (0, 15))
    assert corners(Image.fromarray(square.pixels).crop((0, 15, 90, 75))) == corners(quartered())


def test_places_of_the_square_are_places_of_the_picture(tmp_path: Path) -> None:
    quartered().save(tmp_path / "wide.png")
    square = read_square(tmp_path / "wide.png", 90)
    places = square.in_picture(np.array([[0, 15, 90, 75], [45, 45, 60, 60], [-5, 0, 99, 90]]))
    np.testing.assert_allclose(places, [[0, 0, 60, 40], [30, 20, 40, 30], [0, 0, 60, 40]])
    np.testing.assert_allclose(square.in_picture(np.array([[45.0, 45.0]])), [[30, 20]])


@pytest.mark.parametrize(("extension", "mode"), [(ending, mode) for ending in MODES for mode in MODES[ending]])
def test_every_mode_of_every_format_is_read(extension: str, mode: str, tmp_path: Path) -> None:
    quartered().convert(mode).save(tmp_path / f"odd.{extension}")
    picture = read_picture(tmp_path / f"odd.{extension}")
    assert (picture.mode, picture.size) == ("RGB", (60, 40))
    lightness = np.asarray(picture.convert("L"), float)
    red, lime, white = lightness[:20, :30].mean(), lightness[:20, 30:].mean(), lightness[20:, 30:].mean()
    assert red + 30 < lime < white - 30


@pytest.mark.parametrize("mode", ["I", "F"])
@READERS
def test_numbers_of_32_bits_are_no_colours(read: Read, mode: str, tmp_path: Path) -> None:
    quartered().convert("L").convert(mode).save(tmp_path / "heights.tiff")
    with pytest.raises(ValueError, match="numbers of 32 bits in the place of colours"):
        read(tmp_path / "heights.tiff", MEDIA_TYPES)


@READERS
def test_what_a_model_does_not_take_is_no_picture_to_it(read: Read, tmp_path: Path) -> None:
    """A zip file of a fit may have anything in it, under any name."""
    quartered().save(tmp_path / "moving.png", "GIF")
    assert read(tmp_path / "moving.png", MEDIA_TYPES)
    with pytest.raises(ValueError, match="the file is no JPEG or PNG picture"):
        read(tmp_path / "moving.png", JPEG_OR_PNG)


def test_a_large_jpeg_is_measured_whole_though_it_is_decoded_small(tmp_path: Path) -> None:
    quartered((4000, 3000)).save(tmp_path / "large.jpg")
    square = read_square(tmp_path / "large.jpg", 100)
    assert (square.size, square.scale, square.corner) == ((4000, 3000), 0.025, (0, 12))


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


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95])
@pytest.mark.parametrize("extension", ["png", "jpg"])
@READERS
def test_a_truncated_picture_is_refused(read: Read, kept: float, extension: str, tmp_path: Path) -> None:
    whole = io.BytesIO()
    noise = np.random.default_rng(3).integers(0, 255, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(whole, {"jpg": "JPEG"}.get(extension, "PNG"))
    (tmp_path / "cut").write_bytes(whole.getvalue()[: int(whole.tell() * kept)])
    with pytest.raises(ValueError, match="the picture is damaged"):
        read(tmp_path / "cut", JPEG_OR_PNG)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"%PDF-1.7", b"\xff\xd8\xff", b"text"])
@READERS
def test_what_is_no_picture_is_refused(read: Read, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(ValueError, match=r"no JPEG or PNG|damaged"):
        read(tmp_path / "other", JPEG_OR_PNG)


@pytest.mark.parametrize("side", [8_001, 10_000, 60_000])
@READERS
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked(read: Read, side: int, tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb(side))
    with pytest.raises(ValueError, match=f"{MAX_PIXELS:,}"):
        read(tmp_path / "bomb.png", JPEG_OR_PNG)


@READERS
def test_a_missing_file_is_not_the_fault_of_its_sender(read: Read, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "gone.png", JPEG_OR_PNG)


@pytest.mark.parametrize("chunk", [b"zTXtnote\0\0", b"iCCPcolours\0\0"])
@READERS
def test_texts_that_unpack_to_very_much_are_refused_in_words(read: Read, chunk: bytes, tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    text = chunk[4:] + zlib.compress(bytes(2_000_000))
    (tmp_path / "text.png").write_bytes(png((b"IHDR", header), (chunk[:4], text), (b"IDAT", zlib.compress(bytes(4)))))
    with pytest.raises(ValueError, match=r"^the texts, or the colour profile, of the picture are too large$"):
        read(tmp_path / "text.png", JPEG_OR_PNG)


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that announces many pixels."""
    return png((b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(1_000))))


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    packed = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (*chunks, (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)
