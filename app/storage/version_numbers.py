"""The numbers of a model's versions: counted from 1, and none is given twice, whatever was removed since.

The highest number that was given is in the file `last_version`. It is written before the version becomes visible, so
that a death in between skips a number, but gives none again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.storage.aliases import number_content, parse_number
from app.storage.durable_files import DurableFiles

LAST_VERSION = "last_version"
MAX_VERSION = 10**9  # a larger number is not a version
_NUMBER = re.compile(r"[1-9][0-9]*")


def present(model: Path) -> list[int]:
    """Return the numbers of all versions in a model's folder, oldest first."""
    folder = model / "versions"
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(int(entry.name) for entry in entries if _NUMBER.fullmatch(entry.name))


def highest(model: Path) -> int:
    """Return the highest number ever given, 0 for none.

    A store of an earlier release has no such file, and one may be damaged: then the notes of jobs and the aliases
    tell, which name the versions that were published.
    """
    try:
        noted = parse_number((model / LAST_VERSION).read_text())
    except (FileNotFoundError, ValueError):
        noted = max(_named(model), default=0)
    return max([noted, *present(model)])


def reserve(files: DurableFiles, model: Path, number: int) -> None:
    """Note durably that a number is given."""
    files.replace(model / LAST_VERSION, number_content(number))


def _named(model: Path) -> Iterator[int]:
    for folder in (model / "jobs", model / "aliases"):
        for entry in folder.iterdir() if folder.is_dir() else ():
            with suppress(ValueError, OSError):  # a damaged one names none
                if (number := parse_number(entry.read_text())) <= MAX_VERSION:
                    yield number
