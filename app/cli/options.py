"""The options that say where a command works, and what they choose."""

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
LONGEST_S = 3600.0
"""How long a verb on a server may take; a job goes on after it."""


def options(command: Command) -> Command:
    """Add the options that say where a command works."""
    server = click.option(
        "--server", metavar="URL", envvar="TRINITY_SERVER", help="Work on this server instead of the local store."
    )
    return server(_key_file(command))


def server_options(command: Command) -> Command:
    """Add the options of a command that works on a server only."""
    server = click.option("--server", metavar="URL", envvar="TRINITY_SERVER", required=True, help="The server.")
    return server(_key_file(command))


def backend(server: str | None, key_file: str | None) -> Backend:
    """Return the server, or the local store; nothing is asked yet."""
    if server is None:
        from app.cli.local import Local

        return Local()
    from app.cli.remote import Remote

    return Remote(client(server, key_file, LONGEST_S))


def client(server: str, key_file: str | None, timeout_s: float | None = None) -> Client:
    """Return a client with the key that the options name; raise Failed."""
    from app.client import Client

    try:
        key = Path(key_file).read_text(encoding="utf-8").strip() if key_file else os.environ.get(KEY_VARIABLE)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"--key-file: can't read {key_file}: {error}", 2) from None
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
