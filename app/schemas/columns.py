"""Columns: their kinds, and the facts about them from the fit."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import msgspec

Kind: TypeAlias = Literal["number", "integer", "boolean", "text", "datetime"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NUMERIC: frozenset[Kind] = frozenset({"number", "integer"})
MAX_CATEGORIES = 1000
"""Maximum number of different texts of a column that are stored with a version."""


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column of a fit, as the version keeps it; an integer column held whole numbers only, and takes any number."""

    name: str
    kind: Kind
    nullable: bool = False
    """Whether values were missing in the fit."""
    min: float | str | None = None
    """The least value; RFC 3339 for datetimes, None for text and booleans."""
    max: float | str | None = None
    categories: list[str] | None = None
    """The different texts in order; None if there were more than MAX_CATEGORIES, and for other kinds."""
