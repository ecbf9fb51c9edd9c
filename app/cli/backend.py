"""Where commands work, the local store or a server, by one interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from app.schemas.verbs import Verb


class VerbResult(NamedTuple):
    """Work that is done: by which version, and its result."""

    model: str
    version: int
    result: Mapping[str, Any]


class Backend(Protocol):
    """What fit, predict, score and models need."""

    def models(self) -> list[dict[str, Any]]:
        """Return every model as GET /models has it."""

    def model(self, name: str) -> dict[str, Any]:
        """Return one model as GET /models/{name} has it."""

    def version(self, name: str, version: str) -> dict[str, Any]:
        """Return a version as GET /models/{name}/versions/{n} has it."""

    def outputs(self, done: VerbResult) -> list[str]:
        """Return the names of the columns that a predict has made."""

    def work(self, verb: Verb, table: bytes, model: str | None, **query: Any) -> VerbResult:
        """Do a verb on a CSV file."""


def outputs_of(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names of a version's outputs."""
    return list(manifest["schema"]["outputs"])
