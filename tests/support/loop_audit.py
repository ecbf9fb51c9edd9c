"""A module for TRINITY_MODELS that looks where the event loop reads or changes files below TRINITY_STORE.

Each place is a line in the log that begins with ON_LOOP. Looks at the state of a file are no audit events, and are
allowed there; all else may take as long as a disk takes.
"""

import asyncio
import os
import sys
import traceback

from app.model.polynomial import PolynomialRegressor

ON_LOOP = "file access on the event loop:"
_STORE = os.environ.get("TRINITY_STORE", "\0")
_FILE_EVENTS = ("open", "os.", "shutil.", "pathlib.", "fcntl.")


class Audited(PolynomialRegressor):
    """A model, without which the module would not be one of TRINITY_MODELS."""

    name = "audited"


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if not event.startswith(_FILE_EVENTS) or asyncio._get_running_loop() is None:
        return
    if event.startswith("fcntl.") or any(_STORE in os.fsdecode(each) for each in arguments if _is_path(each)):
        frames = traceback.extract_stack(limit=12)
        place = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[:-1]))
        os.write(2, f"{ON_LOOP} {event} {place}\n".encode())


def _is_path(value: object) -> bool:
    return isinstance(value, str | bytes | os.PathLike)


sys.addaudithook(_audit)
