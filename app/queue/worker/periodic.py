"""A thread that does one thing again and again, whatever happens to it, until it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from logging import getLogger

from app.errors import Unavailable

logger = getLogger(__name__)


class PeriodicThread:
    """Calls `step` every `every_s` seconds; a part that is away is reported once until it is back."""

    def __init__(self, name: str, step: Callable[[], None], every_s: float) -> None:
        self._step = step
        self._every_s = every_s
        self._stopped = threading.Event()
        self._away = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step that runs."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                self._step()
            except Unavailable as error:
                if not self._away:
                    logger.warning("%s: %s", self._thread.name, error.detail)
                self._away = True
            except Exception:
                logger.exception("%s goes on after an error", self._thread.name)
            else:
                self._away = False
