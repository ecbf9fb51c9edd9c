"""Logs why a command to the ledger failed, at most once a second in each process."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from logging import getLogger

logger = getLogger(__name__)

EVERY_S = 1.0
MAX_CHARACTERS = 300
_URL = re.compile(r"(?<=://)\S*@")  # up to the last @, for a password may hold one
_QUOTED = re.compile(r"""(['"]).*\1""")


class ThrottledErrorLog:
    """Shared by all threads of a process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._quiet_until_s = clock()

    def log(self, error: Exception) -> None:
        """Log an error, unless another was logged within the last second."""
        with self._lock:
            now_s = self._clock()
            if now_s < self._quiet_until_s:
                return
            self._quiet_until_s = now_s + EVERY_S
        logger.warning("a command to the ledger failed: %s: %s", type(error).__name__, redacted(error))


def redacted(error: Exception) -> str:
    """Return an error's text in one line, without quoted parts, which may be data, and without passwords in URLs."""
    text = " ".join(str(error).split())
    return _QUOTED.sub("'…'", _URL.sub("***@", text))[:MAX_CHARACTERS]
