"""The language of a text, by py3langid: naive Bayes over the bytes of 140 languages (Lui and Baldwin, 2012)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import Any

UNDETERMINED = "und"  # ISO 639-2
NO_LANGUAGE = "zxx"
CHARACTERS = 4_000  # more of a text does not change the result
LEAST_PROBABILITY = 0.2  # for meaningless text the likeliest language has less


def language_of(texts: Iterable[str]) -> str:
    """Return the code of ISO 639, of two letters if there is one, or und; needs the extra `documents`."""
    starts = (text[:CHARACTERS] for text in texts)
    text = "\n".join(islice(filter(_has_letters, starts), CHARACTERS))[:CHARACTERS]
    code, _probability = identifier().classify(text) if text else (UNDETERMINED, 1)
    return UNDETERMINED if code == NO_LANGUAGE else str(code)


@cache
def identifier() -> Any:
    """Return the identifier of languages; loading it takes a second, so isolated models preload it."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415  needs an extra

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True, min_confidence=LEAST_PROBABILITY)


def _has_letters(text: str) -> bool:
    return any(map(str.isalpha, text))
