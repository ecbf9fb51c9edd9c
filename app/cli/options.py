"""The options that choose the backend of a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
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


def _key_file(command: Command) -> Command:
    return click.option(
        "--key-file",
        metavar="FILE",
        envvar="TRINITY_KEY_FILE",
        help="File with the key for the server; without it, TRINITY_KEY.",
    )(command)
