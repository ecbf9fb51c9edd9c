"""The backend of a command: the local store or a server, with the same interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from app.schemas.verbs import Verb


class VerbResult(NamedTuple):
    """The result of a verb, and the version that was used or made."""

    model: str
    version: int
    result: Mapping[str, Any]


class Backend(Protocol):
    """What the commands fit, predict, score and models need."""

    def models(self) -> list[dict[str, Any]]:
        """Return every model, as GET /models does."""

    def model(self, name: str) -> dict[str, Any]:
        """Return one model, as GET /models/{name} does."""

    def version(self, name: str, version: str) -> dict[str, Any]:
        """Return a version, as GET /models/{name}/versions/{n} does."""

    def output_names(self, done: VerbResult) -> list[str]:
        """Return the column names of predictions."""

    def run(self, verb: Verb, table: bytes, model: str | None, **query: Any) -> VerbResult:
        """Run a verb on a CSV file."""


def manifest_outputs(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names of a version's outputs."""
    return list(manifest["schema"]["outputs"])
