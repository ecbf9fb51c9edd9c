"""The options that choose the backend of a command, and the construction of that backend."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar, cast

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


class Connection(NamedTuple):
    """How a command reaches a server; without a server it works on the local store."""

    server: str | None
    key_file: str | None
    ca_file: str | None
    verify: bool
    headers: tuple[str, ...]


_connection_options = (
    partial(click.option, "--server", metavar="URL", envvar="TRINITY_SERVER"),
    partial(
        click.option,
        "--key-file",
        metavar="FILE",
        envvar="TRINITY_KEY_FILE",
        help="File with the key for the server; without it, TRINITY_KEY.",
    ),
    partial(
        click.option,
        "--ca-file",
        metavar="FILE",
        envvar="TRINITY_CA_FILE",
        help="File or folder of the certificate authorities to trust; without it, the usual ones.",
    ),
    partial(click.option, "--verify/--no-verify", default=True, help="Check the server's certificate, or accept any."),
    partial(
        click.option,
        "--header",
        "headers",
        multiple=True,
        metavar="'NAME: VALUE'",
        help="Header for a gateway before the server; @FILE reads lines of them.",
    ),
)


def with_connection(command: Command, **server: Any) -> Command:
    """Add the options of a connection, with these attributes of --server; the command gets it as `connection`."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        connection = Connection(*(options.pop(name) for name in Connection._fields))
        return command(*args, connection=connection, **options)

    first, *others = _connection_options
    for option in reversed(others):
        run = option()(run)
    server = server or {"help": "Work on this server instead of the local store."}
    return cast("Command", first(**server)(run))


def with_backend(command: Command) -> Command:
    """Add the options of a connection; the command gets the backend that they choose as `source`."""

    @wraps(command)
    def run(*args: Any, connection: Connection, **options: Any) -> Any:
        return command(*args, source=backend(connection), **options)

    return with_connection(cast("Command", run))


def with_client(command: Command) -> Command:
    """Add the options of a connection, of which --server is required; the command gets a client of the server."""

    @wraps(command)
    def run(*args: Any, connection: Connection, **options: Any) -> Any:
        with connect(connection) as client:
            return command(*args, client=client, **options)

    return with_connection(cast("Command", run), required=True, help="The server.")


def backend(connection: Connection) -> Backend:
    """Return the backend of a server, or of the local store if there is none; no request is sent yet."""
    if connection.server is None:
        try:
            from app.cli.local import LocalBackend

            return LocalBackend()
        except ModuleNotFoundError as error:
            error.add_note("or use --server URL")
            raise
    from app.cli.remote import RemoteBackend

    client = connect(connection)
    client.timeout_s = VERB_TIMEOUT_S
    return RemoteBackend(client)


def connect(connection: Connection) -> Client:
    """Return a client of the server, with the key of the file or of TRINITY_KEY; raise CommandFailed."""
    from app.client import Client
    from app.client.session import KEY_VARIABLE

    file = connection.key_file
    key = _read("--key-file", file).strip() if file else os.environ.get(KEY_VARIABLE)
    headers = dict(_header(line) for text in connection.headers for line in _lines(text))
    try:
        verify = connection.ca_file if connection.ca_file and connection.verify else connection.verify
        return Client(connection.server or "", key, verify=verify, headers=headers)
    except ValueError as error:
        raise CommandFailed(f"{error} (--server, --key-file, --ca-file, --header)", 2) from None


def _read(option: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{option}: cannot read {file}: {error}", 2) from None


def _lines(text: str) -> list[str]:
    """Return the header that an option gives, or those in its file."""
    if not text.startswith("@"):
        return [text]
    return [line for line in _read("--header", text[1:]).splitlines() if line.strip()]


def _header(line: str) -> tuple[str, str]:
    name, given, value = line.partition(":")
    if not given:
        raise CommandFailed("--header: expected 'NAME: VALUE'", 2)
    return name.strip(), value.strip()
