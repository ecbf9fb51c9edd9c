"""Says in the log why the ledger doesn't answer: a line with the cause, and no flood of them while it is away."""

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
    """What a process says of them, whichever of its threads meets them."""

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
        logger.warning("the ledger doesn't take a command: %s: %s", type(error).__name__, redacted(error))


def redacted(error: Exception) -> str:
    """Return an error's text in one line, without what it quotes, which may be data, and without passwords of URLs."""
    text = " ".join(str(error).split())
    return _QUOTED.sub("'…'", _URL.sub("***@", text))[:MAX_CHARACTERS]
