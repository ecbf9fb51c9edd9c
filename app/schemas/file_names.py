"""Makes names of files from requests and models safe to display, to send, and to use on any system."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

MAX_BYTES = 255
"""Of a name in UTF-8: the limit of file systems."""
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control characters, those that turn the direction of text, lone surrogates, ends of lines and of paragraphs."""
_JOINERS = frozenset({"\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))})
"""Characters of category Cf that scripts and emoji are written with."""
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]')
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³]) *(\.|$)", re.IGNORECASE)
_MAX_SUFFIX_BYTES = 32


def file_name(text: str) -> str:
    """Return the last part of a path without invisible characters; '' if nothing is left.

    It is truncated to the limit of file systems but keeps its suffix, and does not end in a dot or a space.
    """
    last = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = "".join(sign for sign in last if sign in _JOINERS or unicodedata.category(sign) not in _DROPPED)
    return _shortened(kept.strip().rstrip(". "))


def name_to_save(text: str) -> str:
    """Return a name under which a file can be saved on any system; Windows allows the fewest names."""
    name = _NOT_ON_WINDOWS.sub("_", file_name(text)) or "file"
    return _shortened(f"_{name}") if _DEVICE.match(name) else name


def _shortened(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    suffix = PurePosixPath(name).suffix
    if len(suffix.encode()) > _MAX_SUFFIX_BYTES:
        suffix = ""
    stem = name.removesuffix(suffix).encode()[: MAX_BYTES - len(suffix.encode())].decode(errors="ignore")
    return stem.rstrip(". \u200d") + suffix
