"""The backend of a command: the local store or a server, with the same interface."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from app.cli.errors import CommandFailed
from app.schemas.verbs import Verb

if TYPE_CHECKING:
    from app.client import Client

KEY_VARIABLE = "TRINITY_KEY"
VERB_TIMEOUT_S = 3600.0
"""How long a command waits for a verb on a server; the job continues afterwards."""


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


def backend(server: str | None, key_file: str | None) -> Backend:
    """Return the backend of a server, or of the local store for None; nothing is requested yet."""
    if server is None:
        from app.cli.local import LocalBackend

        return LocalBackend()
    from app.cli.remote import RemoteBackend

    return RemoteBackend(connect(server, key_file, VERB_TIMEOUT_S))


def connect(server: str, key_file: str | None, timeout_s: float | None = None) -> Client:
    """Return a client of the server, with the key of the file or of TRINITY_KEY; raise CommandFailed."""
    from app.client import Client

    try:
        key = Path(key_file).read_text(encoding="utf-8").strip() if key_file else os.environ.get(KEY_VARIABLE)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"--key-file: cannot read {key_file}: {error}", 2) from None
    try:
        return Client(server, key) if timeout_s is None else Client(server, key, timeout_s)
    except ValueError as error:
        raise CommandFailed(f"{error} (--server, --key-file)", 2) from None


def manifest_outputs(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names of a version's outputs."""
    return list(manifest["schema"]["outputs"])
