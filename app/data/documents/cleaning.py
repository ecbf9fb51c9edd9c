"""Cleans text: composed characters, on one line, without characters for layout only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_GONE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\ud800-\udfff]")
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_BROKEN_WORD = re.compile(r"(?<=[^\W\d_])[-\u2010]\n\s*(?=[^\W\d_])(?=[^A-Z])")


def clean(text: str) -> str:
    """Return text in Unicode's composed form, without control characters, ligatures and runs of white space."""
    text = _BROKEN_WORD.sub("", text)
    text = _LIGATURE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), _GONE.sub("", text))
    return " ".join(unicodedata.normalize("NFC", text).split())


def clean_all(texts: Sequence[str], max_characters: int) -> list[str]:
    """Return the beginnings of texts cleaned. Most rows of tables are plain text, which is seen in one look."""
    whole = "".join(texts)
    if len(whole) <= max_characters and whole.isascii() and whole.isprintable() and "  " not in whole:
        return list(map(str.strip, texts))
    return [clean(text[:max_characters]) for text in texts]
