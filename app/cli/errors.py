"""Failed commands: one line on standard error, and an exit code for the cause."""

from __future__ import annotations

import errno
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from app.errors import TrinityError

NO_RESPONSE = 3
NO_RESPONSE_KINDS = {"refused", "unreachable", "deadline-exceeded"}


class CommandFailed(click.ClickException):
    """A failed command: one line, and further lines for the values that are wrong."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        vars(self)["exit_code"] = exit_code  # click declares it on the class

    @classmethod
    def from_error(cls, error: Exception) -> Self | None:
        """Return the failure for an expected error; None for any other error, which is a bug."""
        from app.errors import TrinityError
        from app.settings import SettingsError

        if isinstance(error, ModuleNotFoundError):
            return cls._missing_package(error)
        if isinstance(error, SettingsError):
            return cls(f"these settings are wrong:\n{error}")
        if isinstance(error, TrinityError):
            job = f" (job {error.job_id})" if error.job_id else ""
            return cls(_with_pointers(error) + job, NO_RESPONSE if error.kind in NO_RESPONSE_KINDS else 1)
        if isinstance(error, OSError) and error.strerror and error.errno != errno.EPIPE:
            return cls(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
        return None  # click handles EPIPE, when the reader of a pipe ends

    @classmethod
    def _missing_package(cls, error: ModuleNotFoundError) -> Self | None:
        """Return which packages to install: `pip install .` installs only the client and the command line.

        The error's notes are other ways to run the command.
        """
        package = (error.name or "").partition(".")[0]
        if package in {"", "app"}:
            return None
        try:
            distribution("trinity")
            command = "pip install 'trinity[server]'"
        except PackageNotFoundError:  # run from the project's folder
            command = "pip install '.[server]'"
        ways = ", ".join([command, *getattr(error, "__notes__", [])])
        return cls(f"this command needs the packages of the server, and {package!r} is not installed: {ways}")


def _with_pointers(error: TrinityError) -> str:
    """Return the message with a line for each bad value; one line if there is only one value."""
    lines = [f"{fault.pointer}: {fault.detail}" for fault in error.faults if fault.pointer]
    if len(lines) == 1 and error.faults[0].detail == error.detail:
        return f"{error.detail} (at {error.faults[0].pointer})"
    return "\n  ".join([error.detail, *lines])
