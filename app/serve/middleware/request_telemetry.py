"""The one middleware, in front of Falcon: it names each request, refuses by the head, counts and logs the answer.

Falcon answers nothing, not even a refusal, before the body begins: what can be refused by the head is refused here.
Each request adds one entry to a list. It is counted and logged a moment later, with others.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from app.errors import TrinityError, Unavailable
from app.schemas.ids import new_id
from app.serve.asgi import HEADERS, Asgi, Message, Receive, Send
from app.serve.middleware.api_keys import ApiKeyAuth
from app.serve.middleware.body_limits import BodyLimits, refuse
from app.serve.middleware.route_templates import RouteMatcher
from app.telemetry.context import REQUEST, RequestContext
from app.telemetry.log_records import RequestLog
from app.telemetry.metrics import ServiceMetrics

if TYPE_CHECKING:
    from app.telemetry.tracing import Tracing

FLUSH_DELAY_S = 0.05
MAX_PENDING = 200  # answers that are counted at once without waiting for more: a turn of the loop stays short
CLIENT_CLOSED = 499  # nginx's status for a client that closed the connection before the answer
_REQUEST_ID = b"x-request-id"
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_Answered = tuple[str, str, int, float, int, bytes]  # method, path, status, seconds, bytes, id


class Telemetry(NamedTuple):
    """Where requests are recorded; `log` is None where no lines are wanted."""

    metrics: ServiceMetrics
    log: RequestLog | None = None
    tracing: Tracing | None = None
    close: Callable[[], None] = lambda: None


class RequestTelemetry:
    """An ASGI app in front of another; `auth` is None where no keys are needed."""

    def __init__(
        self, app: Asgi, telemetry: Telemetry, routes: RouteMatcher, limits: BodyLimits, auth: ApiKeyAuth | None = None
    ) -> None:
        self._app = app
        self._metrics = telemetry.metrics
        self._log = telemetry.log
        self._close = telemetry.close
        self._tracing = telemetry.tracing
        self._routes = routes
        self._limits = limits
        self._auth = auth
        self._pending: list[_Answered] = []
        self._timer: asyncio.TimerHandle | None = None
        self._metrics.gather = self._gather

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, and record how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        scope[HEADERS] = headers
        request_id = _request_id(headers)
        method, path, status, size = scope["method"], scope["path"], CLIENT_CLOSED, 0

        def counted_send(message: Message) -> Awaitable[None]:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((_REQUEST_ID, request_id))
            else:
                size += len(message.get("body", b""))
            return send(message)

        self._metrics.in_progress += 1
        self._flush_soon()  # a request that takes long is shown as in progress before it ends
        span = None if self._tracing is None else self._tracing.request_span(method, scope["headers"])
        REQUEST.set(RequestContext(request_id.decode(), "" if span is None else span.trace))
        try:
            if self._auth is not None and (failure := self._auth.check(scope)) is not None:
                await refuse(path, receive, counted_send, failure.error, failure.headers, keep=failure.keep)
                return
            self._limits.check(headers)
            await self._app(scope, self._limits.timed(receive, scope), counted_send)
        except TrinityError as error:  # of the head, or of the first piece of the body: Falcon answers all others
            await refuse(path, receive, counted_send, error)
        except asyncio.CancelledError:  # the process is stopped, and this took longer than the server waits
            if status != CLIENT_CLOSED:
                raise
            stopped = Unavailable("the process was stopped before this was done; try again")
            await refuse(path, receive, counted_send, stopped, linger=False)
        except Exception:
            status = 500
            raise
        finally:
            self._metrics.in_progress -= 1
            self._record((method, path, status, perf_counter() - started, size, request_id))
            if span is not None:
                span.end(method, self._routes.match(path), status, request_id.decode())

    async def close(self) -> None:
        """Count and log all that was answered, and wait until it is written."""
        self.flush()
        await asyncio.to_thread(self._close)

    def flush(self) -> None:
        """Count and log what was answered, and show it to the other processes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._metrics.settle()

    def _gather(self) -> None:
        pending, self._pending = self._pending, []
        match, log, count = self._routes.match, self._log, self._metrics.request
        for method, path, status, took_s, size, request_id in pending:
            route = match(path)
            count(method, route, status, took_s)
            if log is not None:
                log.add(method, route, path, status, took_s, size, request_id)
        if log is not None:
            log.write()

    def _record(self, answered: _Answered) -> None:
        self._pending.append(answered)
        if len(self._pending) < MAX_PENDING:
            self._flush_soon()
        else:
            self.flush()

    def _flush_soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_DELAY_S, self.flush)


def _request_id(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the id that a request came with, or a new one where that is missing or odd."""
    given = headers.get(_REQUEST_ID)
    return new_id().encode() if given is None or not _SANE_ID.fullmatch(given) else given
