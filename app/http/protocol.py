"""uvicorn's HTTP/1.1 protocol with bounds on heads, joined writes, and a way to leave that no client notices."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.http.joining import Joining

MAX_HEAD_BYTES = 32 * 1024
HEAD_TIMEOUT_S = 30
DRAIN_S = 1.5  # how long a process that stops still waits for the next request of a connection
HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


class State(ServerState):
    """What the connections of one process know of it."""

    draining = False


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with bounds on the request line and headers, which httptools itself doesn't have.

    When the process stops, it says so in the next answer instead of hanging up: a client that is just sending its next
    request on an idle connection could not tell whether it was done (RFC 9112 §9.6).

    An application that has `at_once(scope, body)` is asked by it for the answer (status, headers, body) to a POST that
    has come whole. It must not raise; it may have none, and is then called as ASGI has it. An answer costs no task and
    no events, which are half of the time that a small one takes.
    """

    server_state: State
    head_timeout_s: ClassVar[float] = HEAD_TIMEOUT_S
    _in_head = True
    _head_bytes = 0
    _headed = False
    _head_timer: asyncio.TimerHandle | None = None
    _held: RequestResponseCycle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._at_once = None if self.access_log else getattr(self.config.app, "at_once", None)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", Joining(transport, self.loop))
        self._await_head()
        if self.server_state.draining:  # accepted before, made known only now
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._stop_head_timer()

    def on_message_begin(self) -> None:
        """Begin to count: what follows, up to the empty line, is a head."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop counting: what follows is a body, and bodies are bounded by the application."""
        self._in_head = False
        self._headed = True
        self._stop_head_timer()
        super().on_headers_complete()
        if self.server_state.draining:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Answer at once what can be."""
        super().on_message_complete()
        held, self._held = self._held, None
        if held is not None and not self._answered(held):
            super()._start_asgi_task(held, self.app)

    def data_received(self, data: bytes) -> None:
        """Refuse a head that is still incomplete after MAX_HEAD_BYTES; see that none is awaited without end."""
        self._headed = False
        super().data_received(data)
        if self._held is not None:
            super()._start_asgi_task(self._held, self.app)
            self._held = None
        if self._idle():
            # uvicorn's own timer, which is for silence, has ended with this data, and begins with an answer
            if self._head_timer is None and self.timeout_keep_alive_task is None:
                self._await_head()
            if self.server_state.draining:
                self._await_more()
        if self._in_head and not self._headed:  # else only the end of the data is of the next head
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.transport.write(HEAD_TOO_LARGE)
                self.transport.close()

    def shutdown(self) -> None:
        """Let the answer to the request at hand be the last, or wait a little for one; uvicorn would hang up."""
        self.timeout_keep_alive = DRAIN_S  # type: ignore[assignment]  # for what is answered already without a word of the end
        if self._idle():
            self._await_more()
        elif not self.cycle.response_started:
            self.cycle.keep_alive = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Hold a request whose body may come with the same data; one that waited for others before it isn't."""
        if (
            self._at_once is not None
            and cycle.more_body
            and cycle.keep_alive
            and cycle.scope["method"] == "POST"
            and app is self.app
            and not cycle.waiting_for_100_continue
        ):
            self._held = cycle
        else:
            super()._start_asgi_task(cycle, app)

    def _answered(self, cycle: RequestResponseCycle) -> bool:
        """Return whether the application had an answer."""
        if self._at_once is None or self.flow.write_paused or not cycle.keep_alive:
            return False
        answer = self._at_once(cycle.scope, bytes(cycle.body))
        if answer is None:
            return False
        status, headers, body = answer[:3]
        lines = [b"%b: %b\r\n" % header for header in (*cycle.default_headers, *headers)]
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"".join((STATUS_LINE[status], *lines, b"\r\n", body)))
        cycle.on_response()
        return True

    def _idle(self) -> bool:
        """Return whether no request is worked on; the head of one may have begun."""
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _await_more(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(DRAIN_S, self.timeout_keep_alive_handler)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout_s, self.timeout_keep_alive_handler)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing when a client offers another protocol (`curl --http2` does): it is answered in HTTP/1.1."""
