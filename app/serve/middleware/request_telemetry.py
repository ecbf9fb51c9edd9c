"""The first to see a request and the last to see its answer: names it, and notes what became of it.

Each request adds one entry to a list; all else happens for many requests together, a moment later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from app.serve.asgi import Asgi, Message, Receive, Send
from app.serve.middleware.request_id import HEADER, request_id
from app.serve.middleware.route_templates import RouteMatcher
from app.telemetry.context import REQUEST, RequestContext
from app.telemetry.log_records import RequestLog
from app.telemetry.metrics import ServiceMetrics

if TYPE_CHECKING:
    from app.telemetry.tracing import Tracing

MOMENT_S = 0.05
TOGETHER = 200  # answers after which no moment is waited for: a turn of the loop stays short
CLIENT_CLOSED = 499  # as nginx has it: there was nobody left to be answered
_ID = HEADER.lower().encode()
Noted = tuple[str, str, int, float, int, bytes]  # method, path, status, seconds, bytes, id


class Telemetry(NamedTuple):
    """Who is told of requests; `log` is None where no lines are wanted."""

    metrics: ServiceMetrics
    log: RequestLog | None = None
    tracing: Tracing | None = None
    close: Callable[[], None] = lambda: None


class RequestTelemetry:
    """An ASGI app in front of another."""

    def __init__(self, app: Asgi, telemetry: Telemetry, templates: RouteMatcher) -> None:
        self._app = app
        self._metrics = telemetry.metrics
        self._log = telemetry.log
        self._close = telemetry.close
        self._tracing = telemetry.tracing
        self._templates = templates
        self._noted: list[Noted] = []
        self._timer: asyncio.TimerHandle | None = None
        self._metrics.gather = self._gather

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand on a request that has a sane id, and note how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()
        named = _request_id(scope)
        status, size = CLIENT_CLOSED, 0

        async def noting(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        self._metrics.in_progress += 1
        if self._timer is None:  # others shall see a request that takes long before it ends
            self._settle_soon()
        spanned = None if self._tracing is None else self._tracing.begin(scope["method"], scope["headers"])
        REQUEST.set(RequestContext(named.decode(), "" if spanned is None else spanned.trace))
        try:
            await self._app(scope, receive, noting)
        except Exception:
            status = 500
            raise
        finally:
            self._metrics.in_progress -= 1
            took_s = perf_counter() - begun
            self._note((scope["method"], scope["path"], status, took_s, size, named))
            if spanned is not None:
                spanned.end(scope["method"], self._templates.of(scope["path"]), status, named.decode())

    async def close(self) -> None:
        """Settle, and have all that was told arrive."""
        self.settle()
        await asyncio.to_thread(self._close)

    def settle(self) -> None:
        """Count and log what was noted, and show it to the other processes."""
        self._timer = None
        self._metrics.settle()

    def _gather(self) -> None:
        noted, self._noted = self._noted, []
        of, log, count = self._templates.of, self._log, self._metrics.request
        for method, path, status, took_s, size, named in noted:
            route = of(path)
            count(method, route, status, took_s)
            if log is not None:
                log.add(method, route, path, status, took_s, size, named)
        if log is not None:
            log.write()

    def _note(self, noted: Noted) -> None:
        self._noted.append(noted)
        if self._timer is None:
            self._settle_soon()
        elif len(self._noted) >= TOGETHER:
            self._timer.cancel()
            self.settle()

    def _settle_soon(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(MOMENT_S, self.settle)


def _request_id(scope: Message) -> bytes:
    """Return the id of a request, and have it among its headers: all who look for one find the same."""
    given = next((value for name, value in scope["headers"] if name == _ID), None)
    named = request_id(None if given is None else given.decode("latin-1")).encode()
    if named != given:
        scope["headers"] = [*(header for header in scope["headers"] if header[0] != _ID), (_ID, named)]
    return named
