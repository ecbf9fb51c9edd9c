"""How a command fails: one line on standard error, and an exit code for the cause."""

from __future__ import annotations

import errno
import sys
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, Self

import click

NO_RESPONSE = 3


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
            return cls(_with_pointers(error.detail, error.faults))
        failed = cls._from_client_error(error) if "app.client" in sys.modules else None
        if failed is None and isinstance(error, OSError) and error.strerror and error.errno != errno.EPIPE:
            failed = cls(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
        return failed  # click handles EPIPE, the end of a pipe's reader

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

    @classmethod
    def _from_client_error(cls, error: Exception) -> Self | None:
        from app.client import DeadlineExceeded, Refused, TrinityError, Unreachable

        if not isinstance(error, TrinityError):
            return None
        no_response = isinstance(error, DeadlineExceeded | Refused | Unreachable)
        job = f" (job {error.job_id})" if error.job_id else ""
        return cls(_with_pointers(error.detail, error.faults) + job, NO_RESPONSE if no_response else 1)


def _with_pointers(detail: str, faults: Any) -> str:
    """Return the message with a line for each bad value; one line if there is only one value."""
    lines = [f"{fault.pointer}: {fault.detail}" for fault in faults if fault.pointer]
    if len(lines) == 1 and faults[0].detail == detail:
        return f"{detail} (at {faults[0].pointer})"
    return "\n  ".join([detail, *lines])
