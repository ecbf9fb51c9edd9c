"""Large requests and results of jobs: files in the shared store, of which the ledger holds only references."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from app.errors import Damaged, Unavailable
from app.storage.durable_files import DurableFiles

_NAME = re.compile(r"[a-z0-9-][a-z0-9.-]{0,99}")
_REF = re.compile(rf"(?P<name>{_NAME.pattern}):(?P<size>0|[1-9][0-9]{{0,14}}):(?P<sha256>[0-9a-f]{{64}})")


class _Ref(NamedTuple):
    """What a reference says of a file."""

    name: str
    size: int
    sha256: str


class Payloads:
    """Files below `folder`: payloads/<first two characters>/<name>. A name is given once, and means one content.

    A reference that comes back from elsewhere is not trusted: only a name can stand in it, never a way out of the
    folder. Every method raises Unavailable when the disk fails.
    """

    def __init__(self, folder: Path, disk: DurableFiles | None = None) -> None:
        self._root = folder / "payloads"
        self._disk = disk or DurableFiles()
        self._settled: set[Path] = set()

    def put(self, name: str, content: bytes) -> str:
        """Write a file and return its reference; it survives a power cut, or there is nothing of it."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"no name for a payload: {name[:100]!r}")
        try:
            self._write(self._path(name), content)
        except OSError as error:
            raise Unavailable(f"the store doesn't take the data of the job ({error.strerror}); try again") from error
        return f"{name}:{len(content)}:{hashlib.sha256(content).hexdigest()}"

    def get(self, ref: str) -> bytes:
        """Return the content; raise Damaged when it is not what was put, Unavailable also when it is gone."""
        name, size, sha256 = _parsed(ref)
        try:
            with self._path(name).open("rb") as file:
                # by the file's own size: memory for what a damaged reference claims is never asked for
                content = file.read(size) if os.fstat(file.fileno()).st_size == size else None
        except FileNotFoundError as error:
            raise Unavailable("the data of the job is gone from the store") from error
        except OSError as error:
            raise Unavailable(f"the store doesn't give the data of the job ({error.strerror}); try again") from error
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            raise Damaged("the data of the job is damaged on disk; submit it again")
        return content

    def drop(self, ref: str) -> None:
        """Remove a file, if it is there; raise Damaged for what is no reference."""
        try:
            self._path(_parsed(ref).name).unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"the store doesn't drop the data of the job ({error.strerror}); try again") from error

    def sweep(self, keep: Callable[[str], bool], older_than_s: float, now_s: float) -> int:
        """Remove files older than that whose names `keep` refuses, and leftovers of killed processes; return how many.

        `now_s` is in seconds since the epoch. The age must be well above the time from a put to the moment from which
        `keep` knows the name, and above the difference of the clocks of those who share the folder.
        """
        before_s = now_s - older_than_s
        try:
            removed = self._disk.sweep(self._root, before_s) if self._root.exists() else 0
            old = [path for path in self._files() if _written_before(path, before_s)]
        except OSError as error:
            raise Unavailable(f"the store can't be swept ({error.strerror}); try again") from error
        for path in old:
            if not keep(path.name):
                with suppress(OSError):  # another process swept it, or the next sweep will
                    path.unlink()
                    removed += 1
        return removed

    def _write(self, path: Path, content: bytes) -> None:
        there = path.exists()
        try:
            self._settle(path.parent)
            self._disk.replace(path, content)
        except OSError:
            if not there:  # else it may be put again by somebody whose first reference is in the ledger
                with suppress(OSError):
                    path.unlink()
            raise

    def _settle(self, folder: Path) -> None:
        """Make a folder, and make its entry durable even where another process made it and has yet to sync it."""
        self._disk.make_folder(folder)
        if folder not in self._settled:
            for above in (folder.parent, folder.parent.parent):
                self._disk.sync(above)
            self._settled.add(folder)

    def _path(self, name: str) -> Path:
        return self._root / name[:2] / name

    def _files(self) -> Iterator[Path]:
        """All that was put, and nothing that somebody else laid into the folder."""
        for path in self._root.glob("*/*"):
            if _NAME.fullmatch(path.name) and path == self._path(path.name):
                yield path


def _parsed(ref: str) -> _Ref:
    found = _REF.fullmatch(ref)
    if found is None:
        raise Damaged("the reference to the data of the job is damaged; submit it again")
    return _Ref(found["name"], int(found["size"]), found["sha256"])


def _written_before(path: Path, time_s: float) -> bool:
    try:
        return path.stat().st_mtime < time_s
    except FileNotFoundError:  # somebody else dropped or swept it
        return False
