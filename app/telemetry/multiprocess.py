"""The folder through which the web processes share their numbers, as gunicorn's master keeps it.

Each process writes files of its own (prometheus_client's multiprocess mode). Those of a process that is gone are added
to the files of the number 0, which is nobody's: its counts stay, and reloads don't fill the memory they are in.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from logging import getLogger
from pathlib import Path
from typing import Any

logger = getLogger(__name__)

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
MEMORY = "/dev/shm"  # noqa: S108  the folder gets a name of its own there, and is the user's alone
NOBODY = 0
KINDS = ("counter", "histogram")


class MetricsDir:
    """Made before the first process is forked; what forks finds it in the environment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._dead: set[int] = set()

    @classmethod
    def make(cls) -> MetricsDir:
        """Make a new one, in memory where that is possible: writes to a slow disk would stall an event loop."""
        place = MEMORY if os.access(MEMORY, os.W_OK | os.X_OK) else None
        os.environ[VARIABLE] = tempfile.mkdtemp(prefix="trinity-metrics-", dir=place)
        return cls(Path(os.environ[VARIABLE]))

    def merge_dead(self, pid: int) -> None:
        """Take a dead process's gauges away, and keep its counts."""
        try:
            for file in self._path.glob(f"gauge_live*_{pid}.db"):
                file.unlink(missing_ok=True)
            self._dead.add(pid)
            with locked(self._path, exclusive=True) as free:
                if free:  # else somebody just reads, and it is done with the next one
                    self._add_up()
        except Exception:  # files may be damaged, too; numbers are no reason to stop
            logger.exception("the numbers of process %d are lost", pid)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        os.environ.pop(VARIABLE, None)
        shutil.rmtree(self._path, ignore_errors=True)

    def _add_up(self) -> None:
        for kind in KINDS:
            files = [self._path / f"{kind}_{pid}.db" for pid in sorted(self._dead)]
            files = [file for file in files if file.exists()]
            if files:
                _merge(self._path / f"{kind}_{NOBODY}.db", files)
        self._dead.clear()


@contextmanager
def locked(folder: Path, *, exclusive: bool = False) -> Iterator[bool]:
    """Hold the lock of a folder: readers share it; who would have it alone doesn't wait for it, but is told."""
    with (folder / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB if exclusive else fcntl.LOCK_SH)
        except BlockingIOError:
            yield False
        else:
            yield True


def _merge(total: Path, files: Sequence[Path]) -> None:
    """Add the values of files up in one, then remove them."""
    # not above: the library looks at the environment when it is imported
    from prometheus_client import mmap_dict  # noqa: PLC0415

    files_of_values: Any = mmap_dict.MmapedDict  # without types
    draft = total.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    sums = files_of_values(str(draft))
    try:
        for file in [total, *files] if total.exists() else files:
            for key, value, timestamp, _ in files_of_values.read_all_values_from_file(str(file)):
                sums.write_value(key, sums.read_value(key)[0] + value, timestamp)
    finally:
        sums.close()
    draft.replace(total)
    for file in files:
        file.unlink()
