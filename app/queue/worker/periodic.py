"""A thread that calls a function every few seconds, even after errors, until its process ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from logging import getLogger

from app.errors import Unavailable

logger = getLogger(__name__)


def start_periodic(name: str, step: Callable[[], object], every_s: float) -> None:
    """Call `step` every `every_s` seconds in a daemon thread. An outage of the broker or ledger is logged once."""

    def run() -> None:
        available = True
        while True:
            time.sleep(every_s)
            try:
                step()
            except Unavailable as error:
                if available:
                    logger.warning("%s: %s", name, error.detail)
                available = False
            except Exception:
                logger.exception("%s goes on after an error", name)
            else:
                available = True

    threading.Thread(target=run, name=name, daemon=True).start()
