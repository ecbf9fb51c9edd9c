"""Write files and folders that survive a power cut: write, sync, rename into place, sync the folder."""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from app.storage.file_locks import is_locked, open_folder, try_lock_folder

Permit = Callable[[], None]
"""Called after everything is written and before it becomes visible; it raises to refuse the change."""
_TEMPORARY = re.compile(r"\..+-[0-9a-f]{32}")


def always_permit() -> None:
    """Refuse nothing."""


class DurableFiles:
    """Writes durably: when a call returns, its data is on the disk. Folder entries are synced separately (fsync(2)).

    Unfinished files have a temporary name, in the parent of their folder.
    """

    def __init__(self, fsync: Callable[[int], None] = os.fsync) -> None:
        self._fsync = fsync

    def make_folder(self, path: Path) -> None:
        """Make a folder and its missing parents, and sync the folder that holds each new one."""
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            self.sync(folder.parent)

    @contextmanager
    def new_folder(self, path: Path, permit: Permit = always_permit) -> Iterator[Path]:
        """Give a temporary folder to fill, then rename it to `path`: either all of it becomes visible, or nothing.

        `permit` is called just before the rename. If it raises, nothing is left behind.
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

    @contextmanager
    def scratch_folder(self, parent: Path, name: str) -> Iterator[Path]:
        """Give a folder in `parent` that is removed at the end, or by a `sweep` if the process is killed before.

        Until then it is locked: a `sweep` spares it, however long the work takes.
        """
        self.make_folder(parent)
        folder = _temporary(parent / name / name)
        folder.mkdir()
        try:
            with open_folder(folder) as descriptor:
                try_lock_folder(descriptor)
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def write(self, path: Path, content: bytes | memoryview) -> None:
        """Write and sync a file. Its name is durable only after a sync of the folder."""
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            self._fsync(file.fileno())

    def replace(self, path: Path, content: str | bytes) -> None:
        """Set the content of `path` in one step: a reader sees the old or the new content, never a part."""
        self.make_folder(path.parent)
        temporary = _temporary(path)
        try:
            self.write(temporary, content.encode() if isinstance(content, str) else content)
            temporary.replace(path)
        finally:
            with suppress(OSError):  # frees a full disk; after the rename there is nothing to remove
                temporary.unlink()
        self.sync(path.parent)

    def new_file(self, path: Path) -> NewFile:
        """Return a file to write in pieces; it appears at `path` when it is finished."""
        self.make_folder(path.parent)
        return NewFile(path, _temporary(path), self._fsync, self.sync)

    def append(self, path: Path, content: bytes) -> None:
        """Append to a file, or create it. If that fails, the file is unchanged, unless the process was killed."""
        with path.open("ab") as file:
            size = file.tell()
            if not size:
                self.sync(path.parent)
            try:
                file.write(content)
                file.flush()
                self._fsync(file.fileno())
            except BaseException:
                with suppress(OSError):
                    os.truncate(file.fileno(), size)
                raise

    def truncate(self, path: Path, size: int) -> None:
        """Truncate a file to `size` bytes."""
        with path.open("r+b") as file:
            file.truncate(size)
            self._fsync(file.fileno())

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()
        self.sync(path.parent)

    def remove_folder(self, path: Path, by_way_of: Path) -> None:
        """Remove a folder and its content; it disappears from its place in one step.

        It is first renamed into the folder `by_way_of`. If the process is killed then, `sweep` removes the rest.
        """
        temporary = by_way_of / f".{path.name}-{uuid4().hex}"
        path.rename(temporary)
        self.sync(by_way_of)
        self.sync(path.parent)
        shutil.rmtree(temporary, ignore_errors=True)

    def sweep(self, folder: Path, before_s: float = math.inf) -> int:
        """Remove the unfinished files and folders of killed processes from a folder; return their number.

        Either no other process may write there, or `before_s` (since the epoch) spares everything that changed later.
        Scratch folders of living processes are spared, too.
        """
        removed = 0
        for path in self.unfinished(folder, before_s):
            with suppress(OSError):  # what cannot be removed now does no harm
                if not path.is_dir():
                    path.unlink()
                elif is_locked(path):
                    continue
                else:
                    shutil.rmtree(path, ignore_errors=True)
                removed += 1
        return removed

    def unfinished(self, folder: Path, before_s: float = math.inf) -> list[Path]:
        """Return the unfinished files and folders in a folder that have not changed after `before_s`."""
        found = []
        for path in folder.iterdir():
            with suppress(OSError):  # it was removed meanwhile
                if _TEMPORARY.fullmatch(path.name) and path.stat().st_mtime < before_s:
                    found.append(path)
        return found

    def sync(self, folder: Path) -> None:
        """Make the entries of a folder durable: a rename changes the folder, not the file."""
        with open_folder(folder) as descriptor:
            self._fsync(descriptor)


class NewFile:
    """A file written in pieces, by one thread at a time; `finish` moves it to its place, `discard` removes it."""

    def __init__(
        self, path: Path, temporary: Path, fsync: Callable[[int], None], sync_folder: Callable[[Path], None]
    ) -> None:
        self._path = path
        self._temporary = temporary
        self._fsync = fsync
        self._sync_folder = sync_folder
        self._descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        self._is_open = True

    def write(self, piece: bytes | bytearray) -> None:
        """Add a piece at the end."""
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def finish(self) -> None:
        """Sync the file and rename it into its place."""
        self._fsync(self._descriptor)
        self._close()
        self._temporary.replace(self._path)
        self._sync_folder(self._path.parent)

    def discard(self) -> None:
        """Remove what was written; after `finish` there is nothing to remove."""
        self._close()
        with suppress(OSError):
            self._temporary.unlink()

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            os.close(self._descriptor)


def _temporary(path: Path) -> Path:
    return path.parent.parent / f".{path.name}-{uuid4().hex}"
