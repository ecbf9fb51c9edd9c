"""Large requests and results of jobs, as files in the shared store. The ledger holds only references to them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from app.errors import Damaged, Unavailable
from app.storage.durable_files import DurableFiles, NewFile

HEAD_BYTES = 4096
PIECE_BYTES = 1024 * 1024
UPLOAD = ".file"  # suffix of files that came with a request
KEPT = "kept"  # suffix of result files if there is no queue
UNFINISHED_S = 3_600.0
UPLOAD_S = 86_400.0
_NAME = re.compile(r"[a-z0-9-][a-z0-9.-]{0,99}")
_REF = re.compile(rf"(?P<name>{_NAME.pattern}):(?P<size>0|[1-9][0-9]{{0,14}}):(?P<sha256>[0-9a-f]{{64}})")
_NOT_WRITTEN = "the data of the job could not be written to the store"
_NOT_READ = "the data of the job could not be read from the store"
_GONE = "the data of the job is gone from the store"
_DAMAGED = "the data of the job is damaged on disk; submit it again"


class PayloadWriter:
    """A file of the store that is written in pieces. Its methods raise Unavailable when the disk fails."""

    def __init__(self, name: str, path: Path, make: Callable[[], NewFile]) -> None:
        """`make` creates the file; it appears at `path` when it is finished."""
        self._name = name
        self._path = path
        self._make = make
        self._file: NewFile | None = None
        self._digest = hashlib.sha256()
        self.size = 0
        self.head = b""
        """The first bytes."""

    def begin(self) -> None:
        """Create the file under a temporary name."""
        with _unavailable_errors(_NOT_WRITTEN):
            self._file = self._make()

    def write(self, piece: bytes | bytearray) -> None:
        """Add a piece."""
        if not self.size:
            self.head = bytes(piece[:HEAD_BYTES])
        self._digest.update(piece)
        self.size += len(piece)
        with _unavailable_errors(_NOT_WRITTEN):
            self._begun.write(piece)

    def finish(self) -> str:
        """Make the file durable and return its reference."""
        with _unavailable_errors(_NOT_WRITTEN):
            self._begun.finish()
        return f"{self._name}:{self.size}:{self._digest.hexdigest()}"

    def discard(self) -> None:
        """Remove the file, finished or not, while nothing refers to it yet."""
        if self._file is not None:
            self._file.discard()
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    @property
    def _begun(self) -> NewFile:
        if self._file is None:
            raise ValueError("the file is not begun")
        return self._file


class PayloadCopy(NamedTuple):
    """A copy in the store: its reference, and its first bytes."""

    reference: str
    head: bytes


class Payloads:
    """Files below `folder`: payloads/<first two characters>/<name>. A name always has the same content.

    References from the ledger are not trusted: a name in them cannot lead out of the folder.
    Every method raises Unavailable when the disk fails.
    """

    def __init__(self, folder: Path, files: DurableFiles | None = None) -> None:
        self._root = folder / "payloads"
        self._files = files or DurableFiles()
        self._synced: set[Path] = set()

    def put(self, name: str, content: bytes) -> str:
        """Write a file and return its reference. After a power cut the whole file exists, or nothing."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a name for a payload: {name[:100]!r}")
        with _unavailable_errors(_NOT_WRITTEN):
            self._write(self._path(name), content)
        return f"{name}:{len(content)}:{hashlib.sha256(content).hexdigest()}"

    def copy(self, name: str, path: Path, check: Callable[[int], object] = int) -> PayloadCopy:
        """Copy a file into the store in pieces; `check` gets the bytes so far, and its errors leave nothing behind."""
        writer = self.writer(name)
        try:
            with path.open("rb") as file:
                writer.begin()
                while piece := file.read(PIECE_BYTES):
                    check(writer.size + len(piece))
                    writer.write(piece)
            return PayloadCopy(writer.finish(), writer.head)
        except BaseException:
            writer.discard()
            raise

    def writer(self, name: str) -> PayloadWriter:
        """Return a writer for a file in pieces; the file is created when writing begins."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a name for a payload: {name[:100]!r}")
        path = self._path(name)

        def make() -> NewFile:
            self._make_folder(path.parent)
            return self._files.new_file(path)

        return PayloadWriter(name, path, make)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """Give a folder for temporary files; `sweep` removes the folder of a killed process."""
        with _unavailable_errors(_NOT_WRITTEN), self._files.scratch_folder(self._root, name) as folder:
            yield folder

    def path(self, ref: str) -> Path:
        """Return the path of a file, to read it in pieces; raise as `get` does, but check only the size."""
        name, size, _ = _parsed(ref)
        with _unavailable_errors(_NOT_READ):
            try:
                found = self._path(name).stat().st_size
            except FileNotFoundError as error:
                raise Unavailable(_GONE) from error
        if found != size:
            raise Damaged(_DAMAGED)
        return self._path(name)

    def get(self, ref: str) -> bytes:
        """Return the content; raise Damaged if it changed, and Unavailable also if the file is gone."""
        name, size, sha256 = _parsed(ref)
        with _unavailable_errors(_NOT_READ):
            try:
                with self._path(name).open("rb") as file:
                    # compare sizes first: a damaged reference must not make this allocate any amount
                    content = file.read(size) if os.fstat(file.fileno()).st_size == size else None
            except FileNotFoundError as error:
                raise Unavailable(_GONE) from error
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            raise Damaged(_DAMAGED)
        return content

    def drop(self, ref: str) -> None:
        """Remove a file if it is there; raise Damaged for a damaged reference."""
        name, *_ = _parsed(ref)
        with _unavailable_errors("the data of the job could not be removed from the store"):
            self._path(name).unlink(missing_ok=True)

    def sweep(self, keep: Callable[[str], bool], older_than_s: float, now_s: float) -> int:
        """Remove old files that `keep` does not keep, and unfinished files of killed processes; return their number.

        `now_s` is in seconds since the epoch. `older_than_s` must be well above the time from `put` until `keep` knows
        the name, and above the difference between the clocks of the machines that share the folder.
        """
        before_s = now_s - older_than_s
        with _unavailable_errors("the store could not be cleaned up"):
            removed = self._files.sweep(self._root, before_s) if self._root.exists() else 0
            old = [path for path in self._root.glob("*/*") if self._put_before(path, before_s)]
        for path in old:
            if not keep(path.name):
                with suppress(OSError):  # another process removed it, or the next sweep will
                    path.unlink()
                    removed += 1
        return removed

    def find(self, name: str) -> bytes | None:
        """Return the content of a file by its name alone; None if it does not exist."""
        if not _NAME.fullmatch(name):
            return None
        with _unavailable_errors(_NOT_READ):
            try:
                return self._path(name).read_bytes()
            except FileNotFoundError:
                return None

    def sweep_uploads(self, now_s: float, kept_s: float = UPLOAD_S) -> int:
        """Remove files of killed processes if there is no ledger that lists the files in use; return the number.

        An unfinished upload that has not grown for long was abandoned. Complete files may belong to jobs of another
        service over the same store, so they stay for a day. Results that are files
        stay for `kept_s` seconds.
        """
        unfinished = self.sweep(lambda _: True, UNFINISHED_S, now_s)
        results = self.sweep(lambda name: not name.endswith(f".{KEPT}"), kept_s, now_s)
        return unfinished + results + self.sweep(lambda name: not name.endswith(UPLOAD), UPLOAD_S, now_s)

    def _write(self, path: Path, content: bytes) -> None:
        there = path.exists()
        try:
            self._make_folder(path.parent)
            self._files.replace(path, content)
        except OSError:
            if not there:  # otherwise the ledger may already refer to it from an earlier put
                with suppress(OSError):
                    path.unlink()
            raise

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and sync its entry, even if another process made the folder and has not synced it yet."""
        self._files.make_folder(folder)
        if folder not in self._synced:
            for above in (folder.parent, folder.parent.parent):
                self._files.sync(above)
            self._synced.add(folder)

    def _path(self, name: str) -> Path:
        return self._root / name[:2] / name

    def _put_before(self, path: Path, time_s: float) -> bool:
        """Return whether `put` wrote the file before that time; the folder may have other files."""
        try:
            return bool(_NAME.fullmatch(path.name)) and path == self._path(path.name) and path.stat().st_mtime < time_s
        except FileNotFoundError:  # another process removed it
            return False


@contextmanager
def _unavailable_errors(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{what} ({error.strerror}); try again") from error


def _parsed(ref: str) -> tuple[str, int, str]:
    """Return the name, the size and the SHA-256 in a reference; raise Damaged."""
    found = _REF.fullmatch(ref)
    if found is None:
        raise Damaged("the reference to the data of the job is damaged; submit it again")
    return found["name"], int(found["size"]), found["sha256"]
