"""The language of a text: by its script, and for Latin letters by which language's commonest words it has most of."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import islice

from examples.document_processing.terms import stop_words, words

UNDETERMINED = "und"  # ISO 639-2
SCRIPTS = {
    "CYRILLIC": "ru", "GREEK": "el", "ARABIC": "ar", "HEBREW": "he", "HANGUL": "ko", "HIRAGANA": "ja", "KATAKANA": "ja",
    "CJK": "zh", "THAI": "th", "DEVANAGARI": "hi", "ARMENIAN": "hy", "GEORGIAN": "ka",
}  # fmt: skip
UKRAINIAN = "іїєґ"  # letters that Russian has not
WORDS = 20_000
LEAST_SHARE = 0.08  # of the words of a text: in one that is written, a quarter to a half are common words


def language_of(texts: Iterable[str]) -> str:
    """Return the two letters of ISO 639-1, or und."""
    first = [word.casefold() for word in islice(words(texts), WORDS)]
    letters = Counter(letter for word in first for letter in word if letter.isalpha())
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        scripts[unicodedata.name(letter, "?").split()[0]] += count
    if not scripts:
        return UNDETERMINED
    script = scripts.most_common(1)[0][0]
    if scripts["HIRAGANA"] + scripts["KATAKANA"] > scripts.total() / 10:
        return "ja"  # its text is a mix of three scripts
    if script == "CYRILLIC" and any(letters[letter] for letter in UKRAINIAN):
        return "uk"
    if script != "LATIN":
        return SCRIPTS.get(script, UNDETERMINED)
    counted = Counter(first)
    shares = {
        code: sum(counted[word] for word in common) / len(first) / len(common) ** 0.25
        for code, common in stop_words().items()
    }
    best = max(shares, key=lambda code: shares[code])
    return best if shares[best] * len(stop_words()[best]) ** 0.25 >= LEAST_SHARE else UNDETERMINED
