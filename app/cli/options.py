"""The options that choose the backend of a command, and the backend that they choose."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from app.cli.errors import CommandFailed

if TYPE_CHECKING:
    from app.cli.backend import Backend
    from app.client import Client

Command = TypeVar("Command", bound=Callable[..., Any])
KEY_VARIABLE = "TRINITY_KEY"
VERB_TIMEOUT_S = 3600.0
"""How long a command waits for a verb on a server; the job continues afterwards."""
json_option = click.option("--json", "json_", is_flag=True, help="Print JSON.")


def backend_options(command: Command) -> Command:
    """Add --server, without which the command works on the local store, and --key-file."""
    server = click.option(
        "--server", metavar="URL", envvar="TRINITY_SERVER", help="Work on this server instead of the local store."
    )
    return server(_key_file(command))


def server_options(command: Command) -> Command:
    """Add --server, which is required, and --key-file."""
    server = click.option("--server", metavar="URL", envvar="TRINITY_SERVER", required=True, help="The server.")
    return server(_key_file(command))


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


def _key_file(command: Command) -> Command:
    return click.option(
        "--key-file",
        metavar="FILE",
        envvar="TRINITY_KEY_FILE",
        help="File with the key for the server; without it, TRINITY_KEY.",
    )(command)
