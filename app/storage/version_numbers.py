"""The numbers of a model's versions: counted from 1; no number is used twice, even after removals.

The highest number so far is in the file `last_version`. It is written before the version becomes visible, so a
process that dies in between skips a number, but never reuses one.
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
    """Return the highest number ever used, 0 if there is none.

    A store of an earlier release has no such file, and the file may be damaged. Then the number comes from the markers
    of jobs and from the aliases, which name the published versions.
    """
    try:
        noted = parse_number((model / LAST_VERSION).read_text())
    except (FileNotFoundError, ValueError):
        noted = max(_named(model), default=0)
    return max([noted, *present(model)])


def reserve(files: DurableFiles, model: Path, number: int) -> None:
    """Record durably that a number is used."""
    files.replace(model / LAST_VERSION, number_content(number))


def _named(model: Path) -> Iterator[int]:
    for folder in (model / "jobs", model / "aliases"):
        for entry in folder.iterdir() if folder.is_dir() else ():
            with suppress(ValueError, OSError):  # skip a damaged file
                if (number := parse_number(entry.read_text())) <= MAX_VERSION:
                    yield number
