"""Finds columns of text in a fit that are likely something else: numbers or dates in unsupported notations, or ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from app.data.notations import WrittenNumber, is_date, number
from app.schemas.columns import MAX_CATEGORIES
from app.schemas.tables import Matrix

SHOWN = 40  # characters of a text
FEW_TEXTS = 20  # up to so many, each in several rows, may be categories in any notation
ROWS_OF_EACH = 5
MOST = 0.5  # of the rows
NEARLY_ALL = 0.9
FEW_ROWS = 10  # in fewer rows all texts may be different
Counts: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


class Doubt(NamedTuple):
    """The reason why a column may not be text, with the first such row."""

    row: int
    detail: str
    advice: str
    is_refused: bool
    """Whether the column is more likely not text."""


def find_doubt(texts: Sequence[str], codes: Matrix) -> Doubt | None:
    """Return the doubt about a column with these different texts, and for each row the position of its text.

    If there are more texts than are stored, the codes are NaN, and the first texts are used.
    """
    texts, counts = texts[:MAX_CATEGORIES], _counts(texts, codes)
    known = int(counts.sum())
    is_refused = len(texts) > FEW_TEXTS or known < ROWS_OF_EACH * len(texts)
    dates = np.array([is_date(text) for text in texts], np.bool_)
    if dates.any() and counts[dates].sum() >= MOST * known:
        row, first = _first(dates, codes)
        shown = _shown(texts[first])
        return Doubt(row, f"{shown} looks like a date or a time", "convert it to numbers", is_refused)
    numbers = [number(text) for text in texts]
    alike = _alike(numbers, counts)
    if not alike.any() or counts[alike].sum() < MOST * known:
        return None
    odd = alike & np.array([each is None or not each.is_plain for each in numbers], np.bool_)
    if not odd.any():
        row, first = _first(alike, codes)
        return Doubt(
            row, f"{_shown(texts[first])} is a number sent as text", "send it without quotes", is_refused=False
        )
    row, first = _first(odd, codes)
    found = numbers[first]
    advice = f"write {found.reading}" if found and found.reading else "write it with digits and a point alone"
    return Doubt(row, f"{_shown(texts[first])} looks like a number but is not read as one", advice, is_refused)


def id_warning(name: str, texts: Sequence[str], rows: int) -> str | None:
    """Return a warning about a column with a different text in nearly every row: most of these are ids."""
    if not texts or rows < FEW_ROWS or len(texts) < NEARLY_ALL * rows:
        return None
    return (
        f"column {name!r} has {len(texts)} different texts in {rows} rows, such as {_shown(texts[0])}: if it is no "
        f"category, leave it out (ignore={name}), or write its numbers or times so that they are read"
    )


def _counts(texts: Sequence[str], codes: Matrix) -> Counts:
    """Return the number of rows of each text, 1 for each if there are too many."""
    if len(texts) > MAX_CATEGORIES:
        return np.ones(MAX_CATEGORIES, np.intp)
    return np.bincount(codes[~np.isnan(codes)].astype(np.intp), minlength=len(texts))


def _alike(numbers: Sequence[WrittenNumber | None], counts: Counts) -> Mask:
    """Return which texts are numbers; numbers with a unit of letters count only if nearly all have the same unit."""
    units: Counter[str] = Counter()
    for found, count in zip(numbers, counts.tolist(), strict=True):
        if found is not None and found.unit:
            units[found.unit] += count
    unit = next((unit for unit, count in units.most_common(1) if count >= NEARLY_ALL * counts.sum()), "")
    return np.array([found is not None and found.unit in {"", unit} for found in numbers], np.bool_)


def _first(wanted: Mask, codes: Matrix) -> tuple[int, int]:
    """Return the first row with a wanted text, and the position of the text."""
    rows = np.flatnonzero(np.isin(codes, np.flatnonzero(wanted)))
    if not rows.size:  # there are more texts than are kept
        return 0, int(wanted.argmax())
    return int(rows[0]), int(codes[rows[0]])


def _shown(text: str) -> str:
    return repr(text[:SHOWN])
