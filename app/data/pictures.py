"""Reads pictures of any kind as a viewer shows them: upright, in RGB, the first frame of an animation.

It needs the extra `vision`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

FORMATS = {  # Pillow's names
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
}
MEDIA_TYPES = tuple(FORMATS)
MAX_PIXELS = 64_000_000
TURNS = {  # the operation that turns each orientation upright; orientation 1 needs none
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
TOO_MUCH_TEXT = ("Decompressed data too large", "Too much memory used in text chunks")  # Pillow's messages
SIDEWAYS = {TURNS[orientation] for orientation in (5, 6, 7, 8)}


class SquarePicture(NamedTuple):
    """A picture scaled into a square, on black, with the values to convert positions back to the picture."""

    pixels: npt.NDArray[np.uint8]  # [side, side, 3]; red, green and blue
    size: tuple[int, int]  # width and height of the upright picture
    scale: float  # pixels of the square for each pixel of the picture
    corner: tuple[int, int]  # x and y of the square where the picture begins

    def in_picture(self, points: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Turn x and y of the square, (n, 2) or (n, 4) for boxes, into pixels of the picture, none outside of it."""
        pairs = points.shape[1] // 2
        places: npt.NDArray[Any] = (points - np.tile(self.corner, pairs)) / self.scale
        return places.clip(0, np.tile(self.size, pairs))


def read_picture(path: Path, media_types: Sequence[str] = MEDIA_TYPES) -> Image.Image:
    """Read a picture at its full size; raise ValueError with the fault of the file."""
    with _opened(path, media_types) as picture:
        picture.load()
        turn = _turn(picture)
        return _turned(_on_white(_in_colour(picture)), turn)


def read_square(path: Path, side: int, media_types: Sequence[str] = MEDIA_TYPES) -> SquarePicture:
    """Read a picture into a square of `side` pixels; raise ValueError with the fault of the file.

    That takes less time and memory than `read_picture`: large JPEG files are decoded at a half, a quarter or an eighth.
    """
    with _opened(path, media_types) as picture:
        width, height = picture.size
        picture.draft("RGB", (2 * side, 2 * side))
        picture.load()
        turn = _turn(picture)
        scale = side / max(width, height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        small = _turned(_on_white(_in_colour(picture).resize(inner, Image.Resampling.BILINEAR)), turn)
    corner = (side - small.width) // 2, (side - small.height) // 2
    square = Image.new("RGB", (side, side))
    square.paste(small, corner)
    return SquarePicture(np.asarray(square), (height, width) if turn in SIDEWAYS else (width, height), scale, corner)


class _Refused(ValueError):
    """The fault of a picture, found by this module."""


@contextmanager
def _opened(path: Path, media_types: Sequence[str]) -> Iterator[Image.Image]:
    """Open a picture of these types, not yet decoded; errors in the body are the file's fault."""
    formats = [FORMATS[media_type] for media_type in media_types]
    with path.open("rb") as stream:  # a missing file is not its sender's fault
        try:
            with Image.open(stream, formats=formats) as picture:
                _check_size(*picture.size)
                yield picture
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise ValueError(f"the picture has more than {MAX_PIXELS:,} pixels") from None
        except (_Refused, MemoryError):
            raise
        except UnidentifiedImageError:
            raise ValueError(f"the file is no {' or '.join(formats)} picture") from None
        except Exception as error:  # decoders fail on damaged files in any way
            if str(error).startswith(TOO_MUCH_TEXT):
                raise ValueError("the texts, or the colour profile, of the picture are too large") from error
            raise ValueError(f"the picture is damaged: {error}") from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _Refused(f"the picture has {width * height:,} pixels, at most {MAX_PIXELS:,} are allowed")


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """Return the operation that turns a decoded picture upright; None if EXIF is damaged: viewers show such, too."""
    try:
        return TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - a reader of damaged data fails in any way
        return None


def _turned(picture: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    return picture if turn is None else picture.transpose(turn)


def _in_colour(picture: Image.Image) -> Image.Image:
    """Return it in RGB or RGBA, from any mode: grey of 1 to 16 bits, palettes, CMYK."""
    if picture.mode in {"I", "F"}:
        raise _Refused("the picture has numbers of 32 bits in the place of colours")
    if picture.mode.startswith("I;16"):  # grey; Pillow's own conversion clips values over 255
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    """Return it without transparency, as on a white page."""
    if picture.mode != "RGBA":
        return picture
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white
