"""A thread that calls a function every few seconds also after errors, until its process ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from logging import getLogger

from app.errors import Unavailable

logger = getLogger(__name__)


class PeriodicThread:
    """Calls `step` every `every_s` seconds. An outage of what it needs is logged once."""

    def __init__(self, name: str, step: Callable[[], None], every_s: float) -> None:
        self._step = step
        self._every_s = every_s
        self._unavailable = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(self._every_s)
            try:
                self._step()
            except Unavailable as error:
                if not self._unavailable:
                    logger.warning("%s: %s", self._thread.name, error.detail)
                self._unavailable = True
            except Exception:
                logger.exception("%s goes on after an error", self._thread.name)
            else:
                self._unavailable = False
