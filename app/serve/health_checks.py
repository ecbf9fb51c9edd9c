"""Asks the parts whether they answer: each in a thread of its own, where one that hangs keeps nobody else waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from logging import getLogger
from threading import Thread
from typing import Any, NamedTuple, TypeVar

logger = getLogger(__name__)

OK = "ok"
LATE = "no answer yet"
TIMEOUT_S = 2.0  # who asks gives up later: Prometheus after 10 s
T = TypeVar("T")
Probe = Callable[[], Any]
Check = Callable[[], None]


class ComponentStatus(NamedTuple):
    """What a part said: `ok` with what it returned, the name of the error it raised, or that it hasn't answered yet."""

    state: str
    value: Any = None


class HealthChecks:
    """Parts, by name; one that hangs is not asked again until it has answered, however often and by whom."""

    def __init__(self, probes: Mapping[str, Probe], patience_s: float = TIMEOUT_S) -> None:
        self._probes = probes
        self.patience_s = patience_s
        self._asked: dict[str, asyncio.Future[ComponentStatus]] = {}

    async def states(self) -> dict[str, str]:
        """Return of each part `ok`, the name of its error, or that there is no answer yet."""
        return {part: answer.state for part, answer in (await self.ask()).items()}

    async def ask(self) -> dict[str, ComponentStatus]:
        """Ask all parts at once; return what they say until the patience ends."""
        asked = {part: self._ask(part) for part in self._probes}
        if asked:
            await asyncio.wait(asked.values(), timeout=self.patience_s)
        return {part: future.result() if future.done() else ComponentStatus(LATE) for part, future in asked.items()}

    def _ask(self, part: str) -> asyncio.Future[ComponentStatus]:
        """Ask a part, unless it is being asked; what it said when nobody waited any more is old, and isn't told."""
        asked = self._asked.get(part)
        if asked is None or asked.done():
            asked = self._asked[part] = in_own_thread(lambda: _answer(part, self._probes[part]), f"probe-{part}")
        return asked


def in_own_thread(call: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Call in a new thread: no other call can keep it waiting, and it doesn't keep the process from ending."""
    told: Future[T] = Future()
    told.set_running_or_notify_cancel()

    def run() -> None:
        try:
            told.set_result(call())
        except BaseException as error:  # noqa: BLE001  raised where it is awaited
            told.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    return asyncio.wrap_future(told)


def _answer(part: str, probe: Probe) -> ComponentStatus:
    try:
        return ComponentStatus(OK, probe())
    except Exception as error:  # noqa: BLE001  whatever keeps a part from answering, it isn't ready
        logger.warning("%s isn't ready: %s", part, type(error).__name__)
        return ComponentStatus(type(error).__name__)
