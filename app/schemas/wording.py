"""Texts for people: numbers with nouns, and the values of a column in a fit."""

from __future__ import annotations

from collections.abc import Callable

from app.schemas.columns import MAX_CATEGORIES, Column

SHOWN_CATEGORIES = 8
SHOWN_CHARACTERS = 40


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """Return a number with its noun, whose plural by default ends in s: 1 row, 2 rows."""
    return f"{number} {noun}" if number == 1 else f"{number} {nouns or f'{noun}s'}"


def seen(column: Column, number: Callable[[float], str]) -> str:
    """Return the values of a column in the fit: the range of numbers and times, or the texts."""
    return ", ".join(filter(None, [_values(column, number), "some missing" if column.nullable else ""]))


def _values(column: Column, number: Callable[[float], str]) -> str:
    if column.kind == "boolean":
        return "true or false"
    if column.kind == "text" and column.categories is None:
        return f"more than {number(MAX_CATEGORIES)} texts"
    if column.categories is not None:
        shown = ", ".join(map(_shortened, column.categories[:SHOWN_CATEGORIES]))
        left = len(column.categories) - SHOWN_CATEGORIES
        return f"{shown}, … and {number(left)} more" if left > 0 else shown
    if column.min is None or column.max is None:
        return ""
    least, most = (one if isinstance(one, str) else number(one) for one in (column.min, column.max))
    return f"{least} to {most}"


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
