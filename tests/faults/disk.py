"""A disk of its own for one folder, which can be full and can lose what was not synced: root's, with a stand-in."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self


class Disk:
    """`folder` on a small file system.

    durable: ext4 on a loop device over a file in memory, so that what was written but not synced is in the page cache
    alone; a power cut mounts a copy of the file, made while the program that wrote ended. Otherwise a tmpfs, to be
    filled. Where mounting isn't allowed, the folder is a plain one: `mounted` is False, and full means that nothing can
    be created in its folders. A power cut then takes what was appended since `sync` if nothing syncs (`unsynced`), and
    otherwise nothing: only where mounting is allowed do power cuts show that a program syncs.
    """

    def __init__(self, folder: Path, size_bytes: int, *, durable: bool = False) -> None:
        self.folder, self._size_bytes, self._durable = folder, size_bytes, durable
        self._image = Path("/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp")  # noqa: S108
        self._image /= f"trinity-{os.getpid()}-{folder.parent.name}-{folder.name}.img"
        self.mounted = False
        self.unsynced = False
        self._sizes: dict[Path, int] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        with suppress(OSError, subprocess.CalledProcessError):
            if self._durable:
                with self._image.open("wb") as file:
                    file.truncate(self._size_bytes)
                _run("mkfs.ext4", "-q", "-m", "0", self._image)
            self._mount()
        return self

    def __exit__(self, *error: object) -> None:
        if self.mounted:
            _run("umount", "--lazy", self.folder)
        self._image.unlink(missing_ok=True)

    @contextmanager
    def power_cut(self) -> Iterator[None]:
        """Take the disk as it is now, whatever happens to the files until the end of the block, and from then on."""
        copy = self._image.with_suffix(".copy")
        if self.mounted:
            _run("cp", "--sparse=always", self._image, copy)
        yield
        if self.unsynced and not self.mounted:
            for path, size_bytes in self._sizes.items():
                os.truncate(path, size_bytes)
        if self.mounted:
            _run("umount", self.folder)
            copy.replace(self._image)
            self._mount()

    def sync(self) -> None:
        """Have all that is written so far on the disk."""
        for path in self.folder.rglob("*.aof"):
            with path.open("rb") as file:
                os.fsync(file.fileno())
                self._sizes[path] = path.stat().st_size

    def fill(self) -> None:
        """Fill the disk: writers get ENOSPC (EACCES, without mounts)."""
        if not self.mounted:
            for folder in (path for path in self.folder.rglob("*") if path.is_dir()):
                folder.chmod(0o500)
            return
        with suppress(OSError), (self.folder / ".ballast").open("wb", buffering=0) as ballast:
            for chunk in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while ballast.write(b"\0" * chunk):
                        pass

    def empty(self) -> None:
        """Free the disk again."""
        if not self.mounted:
            for folder in (path for path in self.folder.rglob("*") if path.is_dir()):
                folder.chmod(0o700)
        (self.folder / ".ballast").unlink(missing_ok=True)

    def _mount(self) -> None:
        if self._durable:
            _run("mount", "-o", "loop", self._image, self.folder)
        else:
            _run("mount", "-t", "tmpfs", "-o", f"size={self._size_bytes}", "tmpfs", self.folder)
        self.mounted = True


def _run(*command: str | Path) -> None:
    if shutil.which(str(command[0])) is None:
        raise OSError(f"{command[0]} isn't installed")
    subprocess.run(command, check=True, capture_output=True)
