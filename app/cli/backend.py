"""Results that every backend of a command returns: the local store and a server have the same methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple, Protocol


class VerbResult(NamedTuple):
    """The result of a verb, and the version that was used or created."""

    model: str
    version: int
    result: Mapping[str, Any]


class SaveFile(Protocol):
    """Writes a file of a result."""

    def __call__(self, file: BinaryIO, name: str) -> None:
        """Write the file with this name."""


class FileResult(NamedTuple):
    """The result of a verb on a file, and the function that saves one of its files by name."""

    model: str
    version: int
    result: Mapping[str, Any]
    files: Sequence[Mapping[str, Any]]
    """The result's files: name, media_type, bytes, sha256, href."""
    save: SaveFile
