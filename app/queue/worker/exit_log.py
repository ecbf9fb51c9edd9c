"""Ends a worker's processes on purpose, and sees to it that the log doesn't tell of that as of a fault."""

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
    """End a process at once, if it is there."""
    with suppress(ProcessLookupError):
        os.kill(int(child), signal.SIGKILL)


class ExpectedExits:
    """The processes that were ended on purpose, until billiard has told of their end, which nobody is to read."""

    def __init__(self, living: Callable[[], list[str]] = children, kill: Callable[[str], None] = kill) -> None:
        self._living = living
        self._kill = kill
        self._ended: set[str] = set()

    def end(self, child: str) -> None:
        """End a process of this worker, whatever it does; the worker starts another."""
        if child in self._living():
            self._ended.add(child)
            self._kill(child)

    def listen(self) -> None:
        """Look at what Celery and billiard log of processes that end, and write it as all else is written."""
        pool = billiard.util.get_logger()
        pool.propagate = True  # it has no handler of its own
        pool.addFilter(self.unexpected)
        logging.getLogger("celery.worker.request").addFilter(unheard)

    def unexpected(self, record: logging.LogRecord) -> bool:
        """Whether the record isn't billiard's line of a process that was ended on purpose (`pool.py`)."""
        if not str(record.msg).startswith("Process %r pid:%r exited") or not isinstance(record.args, tuple):
            return True
        child = str(record.args[1])
        if child not in self._ended:
            return True
        self._ended.remove(child)  # the number may be another's one day
        return False


def unheard(record: logging.LogRecord) -> bool:
    """Whether the record isn't Celery's error, with a stack of its own, of a task whose process is gone.

    Billiard has told of the process in a line, and the keeper of its jobs.
    """
    return not (isinstance(record.args, tuple) and any(isinstance(each, WorkerLostError) for each in record.args))
