"""One worker: its name in the ledger, the release of its jobs when it stops, and how its processes ended."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from logging import LogRecord, getLogger
from uuid import uuid4

import billiard
import billiard.util
from billiard.exceptions import WorkerLostError
from billiard.process import BaseProcess

from app.errors import Unavailable

logger = getLogger(__name__)

RELEASE_AFTER_S = 7.0  # how long a worker that stops may still finish jobs; then it releases the others
ORPHAN_S = 1.0
STOPS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)  # by supervisors, terminals, and Flower's "Terminate"
MAX_STOPPED = 100  # processes that are remembered: their jobs are queued again within seconds
NOT_RELEASED = "jobs could not be released, other workers take them over when their leases end"


def new_name() -> str:
    """Return a new name for a node, unique among all workers, past and present."""
    return f"{socket.gethostname()}-{uuid4().hex[:12]}"


def release_later(release_all: Callable[[], None], after_s: float = RELEASE_AFTER_S) -> None:
    """Let running jobs end for some seconds; then have the node's other jobs put back into their lanes."""
    timer = threading.Timer(after_s, release_jobs, [release_all])
    timer.daemon = True  # a worker without jobs stops at once
    timer.start()


def release_jobs(release_all: Callable[[], None]) -> None:
    """Have the node's jobs put back into their lanes; an error is logged."""
    try:
        release_all()
    except Unavailable as error:
        logger.warning("%s: %s", NOT_RELEASED, error.detail)
    except Exception:
        logger.exception(NOT_RELEASED)


def children() -> list[str]:
    """Return the names of this worker's living processes."""
    return [str(child.pid) for child in billiard.active_children()]


def end_on_signals() -> None:
    """Let a signal end this process at once, as is the system's default, even within a long call of C code.

    billiard's handlers raise an exception instead, in the code that runs: a model's code might catch it.
    They are set after all of Celery's signals for a new process, so this is called before each message.
    """
    for number in (*STOPS, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)


class StoppedProcesses:
    """Remembers which processes of this worker were stopped by a signal that asks a process to end.

    It covers the processes that lived when `children` was called.
    """

    def __init__(self) -> None:
        self._living: dict[str, BaseProcess] = {}
        self._stopped: dict[str, None] = {}

    def children(self) -> list[str]:
        """Return the names of the living processes, and note how those from the previous call ended."""
        living = {str(child.pid): child for child in billiard.active_children()}
        ended = {name: child for name, child in self._living.items() if name not in living}
        self._stopped |= {name: None for name, child in ended.items() if -(child.exitcode or 0) in STOPS}
        self._stopped = dict.fromkeys(list(self._stopped)[-MAX_STOPPED:])
        self._living = living
        return list(living)

    def was_stopped(self, child: str) -> bool:
        """Whether the process of that name was stopped by such a signal."""
        return child in self._stopped


class ExpectedExits:
    """Drops billiard's line about each process killed here, and all of Celery's errors about lost processes.

    The lease keeper logs a line about the jobs of such a process, so Celery's error with its stack adds nothing.
    """

    def __init__(
        self, children: Callable[[], list[str]] = children, send_signal: Callable[[int, int], None] = os.kill
    ) -> None:
        self._children = children
        self._send_signal = send_signal
        self._killed: set[str] = set()

    def kill(self, child: str) -> None:
        """End a process of this worker at once; the worker starts another."""
        if child in self._children():
            self._killed.add(child)
            with suppress(ProcessLookupError):
                self._send_signal(int(child), signal.SIGKILL)

    def install(self) -> None:
        """Filter the records of billiard and Celery; have billiard's written like all others."""
        billiard.util.get_logger().propagate = True  # it has no handler of its own
        for logger in (billiard.util.get_logger(), getLogger("celery.worker.request")):
            logger.addFilter(self._filter)

    def _filter(self, record: LogRecord) -> bool:
        values = record.args if isinstance(record.args, tuple) else ()
        if str(record.msg).startswith("Process %r pid:%r exited") and str(values[1]) in self._killed:
            self._killed.remove(str(values[1]))  # another process may get this number one day
            return False
        return not any(isinstance(value, WorkerLostError) for value in values)


def exit_with_parent(parent: int) -> None:
    """End this process when its worker, the process `parent`, is killed or was killed before this call.

    On Linux Celery asks the kernel to do so, which works even inside C code (PR_SET_PDEATHSIG, prctl(2)). The thread
    is for a worker that was killed before that, and for other systems.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(ORPHAN_S)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="orphan", daemon=True).start()
