"""Check the settings before any process is started: each problem is printed once, and without a traceback."""

from __future__ import annotations

import os
from collections.abc import Callable

from app.settings import SettingsError


def problems(build: Callable[[], None]) -> list[str]:
    """Return the problems that only building the application can find; `build` raises SettingsError for them.

    It is built in a child process: gunicorn's first process must have neither models nor threads.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        found = ""
        try:
            build()
        except SettingsError as error:
            found = str(error)
        finally:  # any other error appears again when the processes start, with its traceback
            os.write(write_end, found.encode()[: 16 * 1024])
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        found = pipe.read()
    os.waitpid(child, 0)
    return found.splitlines()


def report(problems: list[str]) -> str:
    """Return the text of problems, one per line."""
    return "\n".join(["Trinity can't start, these settings are wrong:", *(f"  {line}" for line in problems)])
