"""The one middleware, before Falcon: gives each request an id, checks its head, counts and logs the response.

Falcon sends no response, not even a refusal, before the body begins: requests with a wrong head are refused here.
Each request adds one entry to a list. It is counted and logged a moment later, with others.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from msgspec.structs import replace

from app.dispatch.turns import Turns
from app.errors import TrinityError, Unavailable
from app.schemas.ids import new_id
from app.serve.asgi import HEADERS, Asgi, Header, Message, Receive, Send
from app.serve.middleware.api_keys import ApiKeyAuth
from app.serve.middleware.body_limits import BodyLimits, Refusal, refuse
from app.serve.middleware.cors import Cors, send_preflight
from app.serve.middleware.route_templates import RouteMatcher
from app.serve.problems import internal_error
from app.serve.root_path import RootPath
from app.telemetry.context import REQUEST, RequestContext
from app.telemetry.log_records import SERVER_ERROR, Answered, RequestLog
from app.telemetry.logs import stderr
from app.telemetry.metrics import ServiceMetrics

if TYPE_CHECKING:
    from app.telemetry.tracing import RequestSpan, Tracing

FLUSH_DELAY_S = 0.05
MAX_PENDING = 200  # from so many on, responses are counted without waiting for more: a turn of the loop stays short
CLIENT_CLOSED = 499  # nginx's status for a client that closed the connection before the response
HeadCheck: TypeAlias = Callable[[Message], Refusal | None]
"""Returns the refusal of a request by its head."""
_REQUEST_ID = b"x-request-id"
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class Telemetry(NamedTuple):
    """The metrics and the log for requests; `log` is None if requests are not logged."""

    metrics: ServiceMetrics
    log: RequestLog | None = None
    tracing: Tracing | None = None


class Network(NamedTuple):
    """The network around the service; `cors` is None if no other origin may call."""

    root_path: RootPath = RootPath()
    cors: Cors | None = None

    def apply(self, scope: Message) -> list[Header] | None:
        """Set the root path of a request; return headers for its response."""
        headers = self.root_path.apply(scope)
        return headers if self.cors is None else [*(headers or ()), *self.cors.headers(scope[HEADERS])]

    def is_preflight(self, scope: Message) -> bool:
        """Return whether this is a preflight, which has no key."""
        return self.cors is not None and self.cors.is_preflight(scope["method"], scope[HEADERS])


class _Response:
    """The response to one request, as it is recorded."""

    __slots__ = ("_more", "_send", "_started", "key_name", "method", "path", "request_id", "size", "status")

    def __init__(self, scope: Message, send: Send, more: list[Header] | None) -> None:
        """`more` are further headers of the response."""
        self._send = send
        self._more = more
        self._started = perf_counter()
        self.request_id = _request_id(scope[HEADERS])
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.key_name = ""
        self.status = CLIENT_CLOSED
        self.size = 0

    @property
    def begun(self) -> bool:
        """Whether a status was sent, after which no other can be."""
        return self.status != CLIENT_CLOSED

    def send(self, message: Message) -> Awaitable[None]:
        """Send a message of the response, with the request's id in its head."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"].append((_REQUEST_ID, self.request_id.encode()))
            if self._more is not None:
                message["headers"].extend(self._more)
        else:
            self.size += len(message.get("body", b""))
        return self._send(message)

    def failed(self, failure: BaseException) -> None:
        """Record a fault of the service after the response has begun: its status says nothing of it."""
        if not isinstance(failure, TrinityError | asyncio.CancelledError):
            self.status = SERVER_ERROR

    def answered(self) -> Answered:
        """Return the record of the request."""
        took_s = perf_counter() - self._started
        return self.method, self.path, self.status, took_s, self.size, self.request_id, self.key_name


class RequestMiddleware:
    """An ASGI app around another; `auth` is None if no keys are required, `checks` are done after it."""

    def __init__(  # noqa: PLR0913  each is a part of its own
        self,
        app: Asgi,
        telemetry: Telemetry,
        routes: RouteMatcher,
        limits: BodyLimits,
        auth: ApiKeyAuth | None = None,
        *,
        checks: Sequence[HeadCheck] = (),
        network: Network | None = None,
        turns: Turns | None = None,
    ) -> None:
        """While `turns` are limited, each POST waits for its turn, so that other requests are answered in between."""
        self._app = app
        self._metrics = telemetry.metrics
        self._log = telemetry.log
        self._tracing = telemetry.tracing
        self._routes = routes
        self._limits = limits
        self._auth = auth
        self._checks = checks
        self._network = network or Network()
        self._turns = turns or Turns()
        self._pending: list[Answered] = []
        self._timer: asyncio.TimerHandle | None = None
        self._metrics.gather = self._gather

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Process a request, and record its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[HEADERS] = dict(scope["headers"])
        response = _Response(scope, send, self._network.apply(scope))
        span = self._begin(scope, response)
        try:
            if self._turns.limited and response.method == "POST":
                await self._turns.next()
            if response.method == "OPTIONS" and self._network.is_preflight(scope):
                await send_preflight(response.send)
            elif (refusal := self._refusal(scope, response)) is not None:
                error, more, keep = refusal
                await refuse(response.path, receive, response.send, error, more, keep=keep)
            else:
                await self._app(scope, self._limits.timed(receive, scope), response.send)
        except (Exception, asyncio.CancelledError) as failure:  # of the head or of the body: Falcon handles all others
            if response.begun:
                response.failed(failure)
                raise
            await _answer_failure(response, receive, failure)
        finally:
            self._end(response, span)

    def _refusal(self, scope: Message, response: _Response) -> Refusal | None:
        """Return the refusal of a request by its head; raise TrinityError for a body that is not allowed."""
        if self._auth is not None:
            response.key_name, failure = self._auth.check(scope)
            REQUEST.set(replace(REQUEST.get(), key_name=response.key_name))
            if failure is not None:
                return failure
        self._limits.check(scope[HEADERS], response.path)
        for check in self._checks:
            if (refusal := check(scope)) is not None:
                return refusal
        return None

    def _begin(self, scope: Message, response: _Response) -> RequestSpan | None:
        self._metrics.in_progress += 1
        if self._timer is None:  # a request that takes long is shown as in progress before it ends
            self._flush_soon()
        span = None if self._tracing is None else self._tracing.request_span(response.method, scope["headers"])
        REQUEST.set(RequestContext(response.request_id, "" if span is None else span.trace))
        return span

    def _end(self, response: _Response, span: RequestSpan | None) -> None:
        self._metrics.in_progress -= 1
        self._pending.append(response.answered())
        if len(self._pending) >= MAX_PENDING:
            self.flush()
        elif self._timer is None:
            self._flush_soon()
        if span is not None:
            route = self._routes.match(response.path)
            span.end(response.method, route, response.status, response.request_id)

    async def close(self) -> None:
        """Count and log all pending requests, and wait until they are written."""
        self.flush()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
        await asyncio.to_thread(stderr().flush)

    def flush(self) -> None:
        """Count and log pending requests, and share the counts with the other processes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._metrics.settle()

    def _gather(self) -> None:
        pending, self._pending = self._pending, []
        durations_s: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)
        for method, path, status, took_s, _, _, _ in pending:
            durations_s[method, path, status].append(took_s)
        routes = {path: self._routes.match(path) for _, path, _ in durations_s}
        for (method, path, status), same in durations_s.items():
            self._metrics.requests(method, routes[path], status, same)
        if self._log is not None:
            self._log.add(pending, routes)
            self._log.write()

    def _flush_soon(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(FLUSH_DELAY_S, self.flush)


async def _answer_failure(response: _Response, receive: Receive, failure: Exception | asyncio.CancelledError) -> None:
    """Respond with the problem document of what was raised."""
    if isinstance(failure, asyncio.CancelledError):  # the process stops, and this took longer than the server waits
        stopped = Unavailable("the process was stopped before this was done; try again")
        await refuse(response.path, receive, response.send, stopped, discard=False)
        return
    if not isinstance(failure, TrinityError):
        failure = internal_error(response.method, response.path, failure)
    await refuse(response.path, receive, response.send, failure)


def _request_id(headers: Mapping[bytes, bytes]) -> str:
    """Return the id in a request, or a new one if that is missing or not valid."""
    given = headers.get(_REQUEST_ID)
    return new_id() if given is None or not _SANE_ID.fullmatch(given) else given.decode()
