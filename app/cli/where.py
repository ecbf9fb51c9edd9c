"""Where commands work, the local store or a server: one interface, the options, and how errors are told."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, Self, TypeVar

import click

if TYPE_CHECKING:
    from app.client import Client

Verb = Literal["fit", "predict", "score"]
Command = TypeVar("Command", bound=Callable[..., Any])
UNANSWERED = 3
KEY_VARIABLE = "TRINITY_KEY"


class Failed(click.ClickException):
    """A command's end in an error: a line, and lines for the values that are wrong."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        vars(self)["exit_code"] = exit_code  # click's type has it on the class

    @classmethod
    def told_of(cls, error: Exception) -> Self | None:
        """Return what is told of an error that is foreseen; None for any other, which is a bug."""
        from app.errors import TrinityError
        from app.settings import SettingsError

        if isinstance(error, SettingsError):
            return cls(f"these settings are wrong:\n{error}")
        if isinstance(error, TrinityError):
            return cls(_with_pointers(error.detail, error.faults))
        told = cls._told_by_client(error) if "app.client" in sys.modules else None
        if told is None and isinstance(error, OSError) and error.strerror and error.errno != errno.EPIPE:
            told = cls(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
        return told  # click itself knows what to do without a reader, EPIPE

    @classmethod
    def _told_by_client(cls, error: Exception) -> Self | None:
        from app.client import DeadlineExceeded, Refused, TrinityError, Unreachable

        if not isinstance(error, TrinityError):
            return None
        late = isinstance(error, DeadlineExceeded | Refused | Unreachable)
        job = f" (job {error.job_id})" if error.job_id else ""
        return cls(_with_pointers(error.detail, error.faults) + job, UNANSWERED if late else 1)


class Done(NamedTuple):
    """Work that is done: by which version, and its result."""

    model: str
    version: int
    result: Mapping[str, Any]


class Where(Protocol):
    """What fit, predict, score and models need."""

    def models(self) -> list[dict[str, Any]]:
        """Return every model as GET /models has it."""

    def model(self, name: str) -> dict[str, Any]:
        """Return one model as GET /models/{name} has it."""

    def version(self, name: str, version: str) -> dict[str, Any]:
        """Return a version as GET /models/{name}/versions/{n} has it."""

    def work(self, verb: Verb, table: bytes, model: str | None, **query: Any) -> Done:
        """Do a verb on a CSV file."""


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


def client(server: str, key_file: str | None, timeout_s: float | None = None) -> Client:
    """Return a client with the key that the options name; raise Failed."""
    from app.client import Client

    try:
        key = Path(key_file).read_text(encoding="utf-8").strip() if key_file else os.environ.get(KEY_VARIABLE)
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"--key-file: can't read {key_file}: {error}", 2) from None
    try:
        return Client(server, key) if timeout_s is None else Client(server, key, timeout_s)
    except ValueError as error:
        raise Failed(f"{error} (--server, --key-file)", 2) from None


def _key_file(command: Command) -> Command:
    return click.option(
        "--key-file",
        metavar="FILE",
        envvar="TRINITY_KEY_FILE",
        help="File with the key for the server; without it, TRINITY_KEY.",
    )(command)


def _with_pointers(detail: str, faults: Any) -> str:
    """Return the words of an error and where each bad value is, unless that says nothing more."""
    lines = [f"{fault.pointer}: {fault.detail}" for fault in faults if fault.pointer]
    if len(lines) == 1 and faults[0].detail == detail:
        return f"{detail} (at {faults[0].pointer})"
    return "\n  ".join([detail, *lines])
