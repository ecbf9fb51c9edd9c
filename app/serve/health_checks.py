"""Health checks of components: each runs in a separate thread, so that one that hangs does not delay the others."""

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
WARNINGS = "versions"
TIMEOUT_S = 2.0  # less than callers wait: Prometheus gives up after 10 s
T = TypeVar("T")
Probe = Callable[[], Any]
Check = Callable[[], None]


class ComponentStatus(NamedTuple):
    """The state of a component: `ok` with what its check returned, the name of the error it raised, or `LATE`."""

    state: str
    value: Any = None


class HealthChecks:
    """The checks of components, by name. A check that hangs is not started again until it has returned."""

    def __init__(
        self, checks: Mapping[str, Probe], timeout_s: float = TIMEOUT_S, *, warnings: Callable[[], list[str]] = list
    ) -> None:
        """`warnings` returns problems that do not make the service unavailable."""
        self._checks = checks
        self._warnings = warnings
        self.timeout_s = timeout_s
        self._running: dict[str, asyncio.Future[ComponentStatus]] = {}

    async def states(self) -> dict[str, str]:
        """Return `ok`, the name of the error, or LATE, for each component."""
        return {component: status.state for component, status in (await self.run()).items()}

    async def run(self) -> dict[str, ComponentStatus]:
        """Run all checks at the same time; return their results after at most `timeout_s`."""
        running = {component: self._start(component, check) for component, check in self._checks.items()}
        if running:
            await asyncio.wait(running.values(), timeout=self.timeout_s)
        return {name: future.result() if future.done() else ComponentStatus(LATE) for name, future in running.items()}

    async def warnings(self) -> list[str]:
        """Return the warnings after at most `timeout_s`."""
        running = self._start(WARNINGS, self._warnings)
        await asyncio.wait([running], timeout=self.timeout_s)
        state, found = running.result() if running.done() else ComponentStatus(LATE)
        return found if state == OK else [f"{WARNINGS}: {state}"]

    def _start(self, component: str, check: Probe) -> asyncio.Future[ComponentStatus]:
        """Start a check unless it is running. A result after its caller's timeout is outdated and not used."""
        running = self._running.get(component)
        if running is None or running.done():
            running = run_in_thread(lambda: _status(component, check), f"check-{component}")
            self._running[component] = running
        return running


def run_in_thread(call: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Call in a new thread: no other call delays it, and the process can end while it hangs."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001  raised where it is awaited
            future.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    return asyncio.wrap_future(future)


def _status(component: str, check: Probe) -> ComponentStatus:
    try:
        return ComponentStatus(OK, check())
    except Exception as error:  # noqa: BLE001  any error means that the component is not ready
        logger.warning("%s isn't ready: %s", component, type(error).__name__)
        return ComponentStatus(type(error).__name__)
