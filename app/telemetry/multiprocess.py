"""The folder through which the web processes share their metrics (prometheus-client's multiprocess mode).

gunicorn's master keeps it. Each process writes its own files, named by a slot instead of its process id: a new process
takes the lowest free slot and goes on counting there. So counts outlive a process, and reloads add no files.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SLOT = "PROMETHEUS_MULTIPROC_SLOT"
MEMORY = "/dev/shm"  # noqa: S108  mkdtemp makes a folder there that only this user can open


class MetricsDir:
    """Made before the first process is forked; forked processes find it and their slot in the environment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._slots: dict[int, int] = {}

    @classmethod
    def make(cls) -> MetricsDir:
        """Make a new folder, in memory where that is possible: writes to a slow disk would stall an event loop."""
        parent = MEMORY if os.access(MEMORY, os.W_OK | os.X_OK) else None
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="trinity-metrics-", dir=parent)
        return cls(Path(os.environ[FOLDER]))

    def assign(self, process: int) -> None:
        """Give the lowest free slot to the next process; `process` is any number unique to it."""
        taken = set(self._slots.values())
        self._slots[process] = next(slot for slot in itertools.count() if slot not in taken)
        os.environ[SLOT] = str(self._slots[process])

    def release(self, process: int) -> None:
        """Free the slot of a process that has ended: remove its gauges and keep its counts."""
        # prometheus-client reads the environment when it is imported
        from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415

        slot = self._slots.pop(process, None)
        if slot is not None:
            mark_process_dead(slot, str(self._path))  # type: ignore[no-untyped-call]

    def remove(self) -> None:
        """Remove the folder and its files."""
        os.environ.pop(FOLDER, None)
        os.environ.pop(SLOT, None)
        shutil.rmtree(self._path, ignore_errors=True)


def use_slot() -> None:
    """Have prometheus-client write to the files of this process's slot, if it has one; before any metric is made."""
    slot = os.environ.get(SLOT)
    if slot is not None and FOLDER in os.environ:
        from prometheus_client import values  # noqa: PLC0415  see `release`

        values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]
