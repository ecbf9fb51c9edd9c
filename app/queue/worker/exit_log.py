"""Kills a worker's processes on purpose, and keeps such ends out of the log of errors."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress

import billiard.util
from billiard.exceptions import WorkerLostError

from app.queue.worker.node import children


def kill(child: str) -> None:
    """End a process at once, if it exists."""
    with suppress(ProcessLookupError):
        os.kill(int(child), signal.SIGKILL)


class ExpectedExits:
    """Drops billiard's line about each process killed here, and all of Celery's errors about lost processes.

    The lease keeper logs a line about the jobs of such a process, so Celery's error with its stack adds nothing.
    """

    def __init__(self, children: Callable[[], list[str]] = children, kill: Callable[[str], None] = kill) -> None:
        self._children = children
        self._kill = kill
        self._killed: set[str] = set()

    def kill(self, child: str) -> None:
        """End a process of this worker at once; the worker starts another."""
        if child in self._children():
            self._killed.add(child)
            self._kill(child)

    def install(self) -> None:
        """Filter the records of billiard and Celery; have billiard's written like all others."""
        billiard.util.get_logger().propagate = True  # it has no handler of its own
        for logger in (billiard.util.get_logger(), logging.getLogger("celery.worker.request")):
            logger.addFilter(self._filter)

    def _filter(self, record: logging.LogRecord) -> bool:
        values = record.args if isinstance(record.args, tuple) else ()
        if str(record.msg).startswith("Process %r pid:%r exited") and str(values[1]) in self._killed:
            self._killed.remove(str(values[1]))  # another process may get this number one day
            return False
        return not any(isinstance(value, WorkerLostError) for value in values)
