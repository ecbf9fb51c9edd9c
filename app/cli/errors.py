"""How a command ends in an error: a line, and an exit code that says whose fault it is."""

from __future__ import annotations

import errno
import sys
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, Self

import click

UNANSWERED = 3


class CommandFailed(click.ClickException):
    """A command's end in an error: a line, and lines for the values that are wrong."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        vars(self)["exit_code"] = exit_code  # click's type has it on the class

    @classmethod
    def from_error(cls, error: Exception) -> Self | None:
        """Return what is told of an error that is foreseen; None for any other, which is a bug."""
        from app.errors import TrinityError
        from app.settings import SettingsError

        if isinstance(error, ModuleNotFoundError):
            return cls._missing_package(error)
        if isinstance(error, SettingsError):
            return cls(f"these settings are wrong:\n{error}")
        if isinstance(error, TrinityError):
            return cls(_with_pointers(error.detail, error.faults))
        told = cls._told_by_client(error) if "app.client" in sys.modules else None
        if told is None and isinstance(error, OSError) and error.strerror and error.errno != errno.EPIPE:
            told = cls(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
        return told  # click itself knows what to do without a reader, EPIPE

    @classmethod
    def _missing_package(cls, error: ModuleNotFoundError) -> Self | None:
        """Return which packages to install: `pip install .` brings the client and the command line alone."""
        package = (error.name or "").partition(".")[0]
        if package in {"", "app"}:
            return None
        try:
            distribution("trinity")
            command = "pip install 'trinity[server]'"
        except PackageNotFoundError:  # run from the project's folder
            command = "pip install '.[server]'"
        return cls(f"this command needs the packages of the server, and {package!r} is not installed: {command}")

    @classmethod
    def _told_by_client(cls, error: Exception) -> Self | None:
        from app.client import DeadlineExceeded, Refused, TrinityError, Unreachable

        if not isinstance(error, TrinityError):
            return None
        late = isinstance(error, DeadlineExceeded | Refused | Unreachable)
        job = f" (job {error.job_id})" if error.job_id else ""
        return cls(_with_pointers(error.detail, error.faults) + job, UNANSWERED if late else 1)


def _with_pointers(detail: str, faults: Any) -> str:
    """Return the words of an error and where each bad value is, unless that says nothing more."""
    lines = [f"{fault.pointer}: {fault.detail}" for fault in faults if fault.pointer]
    if len(lines) == 1 and faults[0].detail == detail:
        return f"{detail} (at {faults[0].pointer})"
    return "\n  ".join([detail, *lines])
