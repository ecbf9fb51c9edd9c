"""Files that no model can use: of a type that it does not accept, or of one of its types by the first bytes alone."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.data.file_types import DOCX, SIGNATURES, TEXTS, UNKNOWN, ZIP, media_type_of

BYTES = 4096
SEED = 1
HEADS = {
    **{media_type: signature for signature, media_type in reversed(SIGNATURES)},
    "image/bmp": b"BM" + bytes(8),
    "image/webp": b"RIFF\0\x10\0\0WEBPVP8 ",
    DOCX: b"PK\x03\x04" + bytes(26) + b"word/document.xml",
    ZIP: b"PK\x03\x04",
    UNKNOWN: b"\0",
}
"""The first bytes of each type, by which it is recognised."""
SUFFIXES = {media_type: suffix for suffix, media_type in reversed(TEXTS.items())}


class BadFile(NamedTuple):
    """A file by its name, its media type and its content."""

    name: str
    media_type: str
    content: bytes


def empty_file(media_types: Sequence[str]) -> BadFile:
    """Return an empty file."""
    return BadFile("empty", media_types[0], b"")


def wrong_file(media_types: Sequence[str]) -> BadFile | None:
    """Return a file of a type that is not among these; None if all are."""
    return next((each for each in random_files([UNKNOWN, *HEADS, *SUFFIXES], but=media_types)), None)


def random_files(media_types: Sequence[str], but: Sequence[str] = ()) -> Iterator[BadFile]:
    """Return for each type a file with its first bytes, and then random bytes or characters."""
    numbers = random.Random(SEED)  # noqa: S311  no secret
    for media_type in media_types:
        rest = numbers.randbytes(BYTES)
        if media_type in SUFFIXES:
            rest = "".join(numbers.choices(string.printable, k=BYTES)).encode()
        name, content = f"random{SUFFIXES.get(media_type, '')}", HEADS.get(media_type, b"") + rest
        if media_type not in but and media_type_of(content, name) == media_type:
            yield BadFile(name, media_type, content)
