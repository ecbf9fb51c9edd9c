"""One worker: its name in the ledger, its processes, and its maintenance threads."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from logging import getLogger
from uuid import uuid4

import billiard

from app.errors import Unavailable
from app.queue.worker.periodic import PeriodicThread

logger = getLogger(__name__)

RELEASE_AFTER_S = 7.0  # how long a worker that stops may still finish jobs; then it releases the others
ORPHAN_S = 1.0


class Node:
    """Made when the module is imported, named before the worker forks its processes, started after that."""

    def __init__(self, release_after_s: float = RELEASE_AFTER_S) -> None:
        self.name = ""
        self.pid = 0
        self._release_after_s = release_after_s
        self._release_all: Callable[[], None] | None = None

    def assign_name(self) -> None:
        """Take a name that no worker has or had; processes that are forked later share it."""
        self.name = f"{socket.gethostname()}-{uuid4().hex[:12]}"
        self.pid = os.getpid()

    def start(self, threads: Sequence[PeriodicThread], release_all: Callable[[], None]) -> None:
        """Start the threads; `release_all` puts the node's jobs back into their lanes."""
        self._release_all = release_all
        for thread in threads:
            thread.start()

    def schedule_release(self) -> None:
        """Let running jobs end for some seconds, then release the others."""
        if self._release_all is not None:
            timer = threading.Timer(self._release_after_s, _logged, [self._release_all])
            timer.daemon = True  # a worker without jobs stops at once
            timer.start()


def _logged(release_all: Callable[[], None]) -> None:
    try:
        release_all()
    except Unavailable as error:  # the leases will end
        logger.warning(
            "jobs could not be released, other workers take them over when their leases end: %s", error.detail
        )
    except Exception:
        logger.exception("jobs could not be released, other workers take them over when their leases end")


def children() -> list[str]:
    """Return the names of this worker's living processes."""
    return [str(child.pid) for child in billiard.active_children()]


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
