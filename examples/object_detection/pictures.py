"""Reads a picture of any kind as a viewer shows it, and fits it into the detector's square."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

SIDE = 416  # pixels
MAX_PIXELS = 64_000_000
ORIENTATION = 0x0112  # EXIF's tag
TURNS = {  # what makes a picture of each orientation upright; 1 is
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {TURNS[orientation] for orientation in (5, 6, 7, 8)}
MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # blue, green, red
DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)
FORMATS = ("JPEG", "PNG")


class Fitted(NamedTuple):
    """A picture in the detector's square, and what leads from there back to the picture."""

    pixels: npt.NDArray[np.float32]  # [3, SIDE, SIDE]
    size: tuple[int, int]  # width and height of the upright picture
    scale: float  # pixels of the square for each pixel of the picture
    corner: tuple[int, int]  # where the picture begins in the square


def read_picture(path: Path) -> Fitted:
    """Read, turn upright and fit in; ValueError says what is wrong with the file."""
    with path.open("rb") as stream:  # a file that is missing is not its sender's fault
        try:
            with Image.open(stream, formats=FORMATS) as picture:
                _check_size(*picture.size)
                return _fit(picture)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise ValueError(f"the picture has more than {MAX_PIXELS:,} pixels") from None
        except (ValueError, MemoryError):
            raise
        except UnidentifiedImageError:
            raise ValueError("the file is no JPEG or PNG picture") from None
        except Exception as error:  # decoders fail on damaged files in any way
            raise ValueError(f"the picture is damaged: {error}") from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ValueError(f"the picture has {width * height:,} pixels, at most {MAX_PIXELS:,} are allowed")


def _fit(picture: Image.Image) -> Fitted:
    width, height = picture.size
    turn = TURNS.get(_orientation(picture))
    picture.draft("RGB", (2 * SIDE, 2 * SIDE))  # large JPEG files are decoded at half, a quarter or an eighth
    scale = SIDE / max(width, height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    small = _on_white(_in_colour(picture).resize(inner, Image.Resampling.BILINEAR))
    if turn is not None:
        small = small.transpose(turn)
    corner = (SIDE - small.width) // 2, (SIDE - small.height) // 2
    square = Image.new("RGB", (SIDE, SIDE))
    square.paste(small, corner)
    blue_green_red = np.asarray(square, np.float32)[:, :, ::-1]
    upright = (height, width) if turn in SIDEWAYS else (width, height)
    return Fitted(((blue_green_red - MEAN) / DEVIATION).transpose(2, 0, 1), upright, scale, corner)


def _orientation(picture: Image.Image) -> Any:
    """Return EXIF's orientation; None if EXIF is damaged: viewers show such pictures, too."""
    try:
        return picture.getexif().get(ORIENTATION)
    except Exception:  # noqa: BLE001 - a reader of damaged data fails in any way
        return None


def _in_colour(picture: Image.Image) -> Image.Image:
    """Return it in RGB or RGBA, whatever the file has: grey of 1 to 16 bits, palettes, CMYK."""
    if picture.mode.startswith("I"):  # 16 bits of grey
        return Image.fromarray((np.asarray(picture).astype(np.uint16) >> 8).astype(np.uint8)).convert("RGB")
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    """Return it without transparency, as it looks on a page."""
    if picture.mode != "RGBA":
        return picture
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white
