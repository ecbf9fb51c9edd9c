"""The options that choose the backend of a command, and the backend that they choose."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import click

from app.cli.errors import CommandFailed

if TYPE_CHECKING:
    from app.cli.local import LocalBackend
    from app.cli.remote import RemoteBackend
    from app.client import Client

Backend: TypeAlias = "LocalBackend | RemoteBackend"
Command = TypeVar("Command", bound=Callable[..., Any])
VERB_TIMEOUT_S = 3600.0
"""How long a command waits for a verb on a server; the job continues afterwards."""
json_option = click.option("--json", "json_", is_flag=True, help="Print JSON.")
_server_option = partial(click.option, "--server", metavar="URL", envvar="TRINITY_SERVER")
_key_file_option = click.option(
    "--key-file",
    metavar="FILE",
    envvar="TRINITY_KEY_FILE",
    help="File with the key for the server; without it, TRINITY_KEY.",
)


def with_backend(command: Command) -> Command:
    """Add the options of `backend_options`; the command gets the backend that they choose as `source`."""

    @wraps(command)
    def run(*args: Any, server: str | None, key_file: str | None, **options: Any) -> Any:
        return command(*args, source=backend(server, key_file), **options)

    return backend_options(cast("Command", run))


def backend_options(command: Command) -> Command:
    """Add --server, without which the command works on the local store, and --key-file."""
    return _server_option(help="Work on this server instead of the local store.")(_key_file_option(command))


def with_client(command: Command) -> Command:
    """Add --server, which is required, and --key-file; the command gets a client of the server as `client`."""

    @wraps(command)
    def run(*args: Any, server: str, key_file: str | None, **options: Any) -> Any:
        with connect(server, key_file) as client:
            return command(*args, client=client, **options)

    return _server_option(required=True, help="The server.")(_key_file_option(cast("Command", run)))


def backend(server: str | None, key_file: str | None) -> Backend:
    """Return the backend of a server, or of the local store for None; nothing is requested yet."""
    if server is None:
        try:
            from app.cli.local import LocalBackend

            return LocalBackend()
        except ModuleNotFoundError as error:
            error.add_note("or use --server URL")
            raise
    from app.cli.remote import RemoteBackend

    client = connect(server, key_file)
    client.timeout_s = VERB_TIMEOUT_S
    return RemoteBackend(client)


def connect(server: str, key_file: str | None) -> Client:
    """Return a client of the server, with the key of the file or of TRINITY_KEY; raise CommandFailed."""
    from app.client import Client
    from app.client.session import KEY_VARIABLE

    try:
        key = Path(key_file).read_text(encoding="utf-8").strip() if key_file else os.environ.get(KEY_VARIABLE)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"--key-file: cannot read {key_file}: {error}", 2) from None
    try:
        return Client(server, key)
    except ValueError as error:
        raise CommandFailed(f"{error} (--server, --key-file)", 2) from None
