"""Files and folders that are there after a power cut: synced, renamed into place, and entries synced as well."""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

Permit = Callable[[], None]
"""Called just before what was written becomes visible; it raises to refuse that."""
_TEMPORARY = re.compile(r"\..+-[0-9a-f]{32}")


def always_permit() -> None:
    """Refuse nothing."""


class DurableFiles:
    """Writes durably: what a call wrote is on the disk when it returns (fsync(2): a folder's entries need their own).

    What is being written stands in the folder above its own, under a temporary name, until it is renamed.
    """

    def __init__(self, fsync: Callable[[int], None] = os.fsync) -> None:
        self._fsync = fsync

    def make_folder(self, path: Path) -> None:
        """Make a folder and those above it that are missing; each is an entry of the one above, which is synced."""
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            self.sync(folder.parent)

    @contextmanager
    def new_folder(self, path: Path, permit: Permit = always_permit) -> Iterator[Path]:
        """Give a temporary folder that becomes `path` when it is filled: either all of it is there or nothing.

        What `permit` raises, asked when nothing is left to do but the renaming, leaves nothing behind.
        """
        self.make_folder(path.parent)
        temporary = _temporary(path)
        temporary.mkdir()
        try:
            yield temporary
            self.sync(temporary)
            permit()
            temporary.rename(path)
            self.sync(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def write(self, path: Path, content: bytes | memoryview) -> None:
        """Write a file; its name is as durable as its folder's entries are."""
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            self._fsync(file.fileno())

    def replace(self, path: Path, content: str | bytes) -> None:
        """Set the content of `path` in one step: a reader sees the old or the new, never a part."""
        self.make_folder(path.parent)
        temporary = _temporary(path)
        try:
            self.write(temporary, content.encode() if isinstance(content, str) else content)
            temporary.replace(path)
        finally:
            with suppress(OSError):  # a full disk gets back what was written; after the rename there is nothing
                temporary.unlink()
        self.sync(path.parent)

    def sweep(self, folder: Path, before_s: float = math.inf) -> int:
        """Remove what processes that were killed left unfinished in a folder; return how many files and folders.

        Nobody else may be writing there, unless `before_s` (since the epoch) spares what was written to after it.
        """
        removed = 0
        for path in folder.iterdir():
            if not _TEMPORARY.fullmatch(path.name):
                continue
            with suppress(OSError):  # it is in nobody's way
                if path.stat().st_mtime >= before_s:
                    continue
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
                removed += 1
        return removed

    def sync(self, folder: Path) -> None:
        """Make the entries of a folder durable (a rename is in the folder, not in the file)."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            self._fsync(descriptor)
        finally:
            os.close(descriptor)


def _temporary(path: Path) -> Path:
    return path.parent.parent / f".{path.name}-{uuid4().hex}"
