"""Exclusive locks on files and folders of the store, between processes; the kernel releases those of ended ones."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from app.errors import Unavailable

LOCK_WAIT_S = 10.0
"""How long a request waits for a lock: changes take some milliseconds, and a proxy may wait for 30 s."""
LOCK_STEP_S = 0.005


class Locked(Unavailable):
    """Another process has held a lock in the store for too long."""


@contextmanager
def locked(path: Path, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold an exclusive lock on `path`. The kernel releases it when the process ends, in any way.

    Raise Locked if it is not free within `wait_s`, FileNotFoundError if its folder does not exist or is removed.
    """
    end_s = time.monotonic() + wait_s
    while True:
        with path.open("w") as file:
            while not try_lock(file):
                if time.monotonic() >= end_s:
                    raise Locked("another process is changing the same in the store; try again")
                time.sleep(LOCK_STEP_S)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                yield
                return


def try_lock(file: IO[Any]) -> bool:
    """Take the exclusive lock of a file until it is closed; return whether it was free."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def open_folder(folder: Path) -> Iterator[int]:
    """Give the descriptor of a folder, until the end of the block."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock_folder(descriptor: int) -> bool:
    """Take the exclusive lock of an open folder until it is closed; return False if another process has it.

    Some file systems, such as NFS, lock only files: there a folder is never locked.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def is_locked(folder: Path) -> bool:
    """Return whether a running process has the lock of a folder."""
    with open_folder(folder) as descriptor:
        return not try_lock_folder(descriptor)
