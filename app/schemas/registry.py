"""The registry over HTTP: aliases, their moves, and the history of these moves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
Reason: TypeAlias = Literal["fit", "request", "rollback", "gate"]
VersionNumber: TypeAlias = Annotated[int, Meta(ge=1, le=10**9)]


class AliasBody(msgspec.Struct, forbid_unknown_fields=True):
    """A move of an alias to a version."""

    version: VersionNumber
    if_version: VersionNumber | UnsetType | None = UNSET
    """The version that the alias must have now; null: it must not exist. If missing, any version is allowed."""
    why: Literal["request", "rollback"] = "request"
    """The reason in the history."""


class Alias(msgspec.Struct):
    """An alias, and the version that it names."""

    alias: str
    version: int


class Move(msgspec.Struct, frozen=True):
    """One move of an alias, from a version to another; null if it did not exist before, or does not exist after.

    `why`: a fit published the version, a request moved it, a request moved it back (rollback), or a fit's gate did.
    """

    alias: str
    from_: int | None = msgspec.field(name="from")
    to: int | None
    at: Annotated[datetime, Meta(tz=True)]
    why: Reason
    by: str = ""
    """The name of the API key of the request; empty if no keys are required."""


class Moves(msgspec.Struct):
    """The moves of a model's aliases, the newest first."""

    history: list[Move]


class Removed(msgspec.Struct):
    """The removed object: a version, an alias, or a whole model."""

    model: str
    version: int | None = None
    alias: str | None = None


def version_before(moves: Iterable[Move], alias: str, current: int | None, versions: Sequence[int]) -> int | None:
    """Return the version to roll an alias back to; None if there is none.

    It is the version from which the alias moved to its present version; without the alias, the one before the latest.
    `moves` are ordered newest first.
    """
    if current is None:
        return versions[-2] if len(versions) > 1 else None
    before = next((move.from_ for move in moves if move.alias == alias and move.to == current), None)
    return before if before in versions else None
