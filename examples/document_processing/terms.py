"""Key terms of a document by TF-IDF: words and pairs of words that it has often and a corpus of others has rarely.

Sparck Jones, "A statistical interpretation of term specificity", 1972; the logarithms are those of scikit-learn.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from math import log
from pathlib import Path
from typing import NamedTuple

MAX_TERMS = 50_000  # of a corpus, the most frequent ones; also of a document
PAIR_WEIGHT = 1.5  # a pair says more than each of its words
LEAST_WORD = 3  # letters
MOST_WORD = 40

_WORD = re.compile(r"[^\W\d_]+(?:[’'\-][^\W\d_]+)*|\d+(?:[.,]\d+)*")


class Corpus(NamedTuple):
    """In how many documents of a corpus each term stands."""

    documents: int
    frequencies: Mapping[str, int]


@cache
def stop_words() -> Mapping[str, frozenset[str]]:
    """Return the words that say nothing about a subject, by language."""
    lines = Path(__file__).with_name("stop_words.txt").read_text(encoding="utf-8").splitlines()
    return {line.split()[0]: frozenset(line.split()[1:]) for line in lines}


def words(texts: Iterable[str]) -> Iterator[str]:
    """Yield the words and numbers."""
    for text in texts:
        yield from _WORD.findall(text)


def count_terms(texts: Iterable[str], language: str) -> Counter[str]:
    """Count the words of a subject, and the pairs of them that stand side by side more than once, in lower case."""
    ignored = stop_words().get(language, frozenset())
    single: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for text in texts:
        kept = [word if _is_term(word, ignored) else "" for word in map(str.casefold, _WORD.findall(text))]
        single.update(filter(None, kept))
        pairs.update(f"{one} {other}" for one, other in pairwise(kept) if one and other)
        if len(pairs) > 4 * MAX_TERMS:  # rare ones go, so that memory has a bound
            single, pairs = Counter(dict(single.most_common(MAX_TERMS))), Counter(dict(pairs.most_common(MAX_TERMS)))
    return single + Counter({pair: count for pair, count in pairs.items() if count > 1})


def key_terms(counts: Mapping[str, int], corpus: Corpus, number: int) -> list[tuple[str, float]]:
    """Return the terms with the highest TF-IDF and their scores; words that stand in a better pair are left out."""
    scores = {
        term: (1 + log(count)) * (log((1 + corpus.documents) / (1 + corpus.frequencies.get(term, 0))) + 1)
        for term, count in counts.items()
    }
    ranked = sorted(scores, key=lambda term: (-scores[term] * (PAIR_WEIGHT if " " in term else 1), term))
    chosen: list[str] = []
    for term in ranked:
        if len(chosen) == number:
            break
        if not any(set(term.split()) & set(other.split()) for other in chosen if " " in term or " " in other):
            chosen.append(term)
    return [(term, round(scores[term], 3)) for term in chosen]


def count_documents(documents: Iterable[Mapping[str, int]]) -> Corpus:
    """Return in how many documents each term stands."""
    frequencies: Counter[str] = Counter()
    number = 0
    for counts in documents:
        frequencies.update(counts.keys())
        number += 1
    return Corpus(number, dict(frequencies.most_common(MAX_TERMS)))


def share_found(known: Sequence[str], found: Iterable[str]) -> float:
    """Return the share of known key terms that were found; a word is found in a pair, too."""
    terms = {term.casefold() for term in found}
    parts = terms | {part for term in terms for part in term.split()}
    return sum(term.casefold() in parts for term in known) / len(known)


def _is_term(word: str, ignored: frozenset[str]) -> bool:
    is_long = LEAST_WORD <= len(word) <= MOST_WORD or not word.isascii()
    return is_long and word not in ignored and not word[0].isdigit() and len(word) <= MOST_WORD
