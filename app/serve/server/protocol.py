"""uvicorn's HTTP/1.1 protocol with limits on heads, waits and unread data, and a stop that no client notices."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import Any, ClassVar, NoReturn, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.serve.asgi import TRUSTED_PEER
from app.serve.server.connections import PipelineFlow, State, unread_bytes
from app.serve.server.error_responses import (
    HEAD_TOO_LARGE,
    MAX_HEAD_BYTES,
    MAX_TARGET_BYTES,
    NOT_HTTP,
    TARGET_TOO_LONG,
)
from app.serve.server.write_buffer import CoalescingTransport

VERSIONS = {"1.0", "1.1"}
DRAIN_S = 1.5  # how long a stopping process waits for the next request of a connection
LINGER_S = 2  # how long data of a refused client is still read: a reset could discard the refusal before it reads it
SLACK_BYTES = 1024  # of a head in addition to its target and fields: the method, the version, blanks
HEAD, BODY, COMPLETE = range(3)  # the part of a message that is being read


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    When the process stops, the next response says that it is the last. If the server only closed the connection, a
    client that sends its next request at that moment could not know whether it was processed (RFC 9112 §9.6).
    """

    server_state: State
    url = b""
    head_timeout_s: ClassVar[float] = 30  # for a whole head, in however many pieces it arrives
    write_timeout_s: ClassVar[float] = 60  # how long a client may read nothing of a response
    _trusted_peer = False
    _ending: RequestResponseCycle | None = None  # the request whose response says that it is the last
    _phase = HEAD
    _progress = False  # whether a head, a message or a piece of a body ended in the data that is being read
    _head_bytes = 0  # read since the last progress: of a head, of trailers, or of the line before a chunk
    _began_here = False  # whether the current head began in the current data
    _refusal = NOT_HTTP  # the response to the data at which the parser stops
    _stopped_reading = False  # after data that cannot be read
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _data = _reparse = b""  # the current data, and data to parse again

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first head."""
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", CoalescingTransport(transport, self.loop))
        self.flow = PipelineFlow(transport, self.pipeline)
        self._trusted_peer = (self.client[0] if self.client else None) in self.server_state.trusted_peers
        if self.server_state.draining:  # it was accepted before the stop
            self.shutdown()
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        super().connection_lost(exc)
        self._stop_head_timer()
        self.resume_writing()

    def pause_writing(self) -> None:
        """Limit the time in which a client reads nothing."""
        super().pause_writing()
        self._write_timer = self._write_timer or self.loop.call_later(self.write_timeout_s, self._reset)

    def resume_writing(self) -> None:
        """Continue: the client has read."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def _reset(self) -> None:
        """Reset the connection: otherwise the system would keep the unread data for minutes."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._phase, self._began_here = HEAD, True
        super().on_message_begin()
        self.scope[TRUSTED_PEER] = self._trusted_peer  # type: ignore[literal-required]

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET_BYTES:
            self._stop_parsing(TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep headers, but no trailers: these are not headers, whatever their names (RFC 9110 §6.5.1)."""
        if self._phase == HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin a body; the application limits its size."""
        if (not self._began_here or len(self._data) > MAX_HEAD_BYTES) and self._fields_bytes() > MAX_HEAD_BYTES:
            self._stop_parsing(HEAD_TOO_LARGE)
        self._phase, self._progress = BODY, True
        self._stop_head_timer()
        if self._offers_upgrade():
            return  # it is parsed again, without the offer
        if self.parser.get_http_version() not in VERSIONS:
            raise ValueError  # the parser turns it into an error of its own
        super().on_headers_complete()
        if self._ending is not None and not self._ending.response_started:
            self._ending.keep_alive, self._ending = True, None  # it is not the last one

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._progress = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a message."""
        self._phase, self._progress = COMPLETE, True
        self._stop_head_timer()
        if not self._offers_upgrade():
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Read data; refuse a head that is too long, and limit the wait for the next data."""
        if self._stopped_reading:
            return
        while data:
            self._data, self._reparse, self._progress, self._began_here = data, b"", False, False
            super().data_received(data)
            data = self._reparse
        self._head_bytes = 0 if self._progress else self._head_bytes + len(self._data)
        if not self._progress and self._head_bytes > self._max_unfinished_bytes() and not self._stopped_reading:
            self._refuse(HEAD_TOO_LARGE)
        elif self._idle():
            self._start_timer()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  our response says more
        """Refuse data that is not HTTP, or is too long."""
        self._refuse(self._refusal)

    def on_response_complete(self) -> None:
        """Continue with the next request; if data could not be read, close after the last response before it."""
        last = not self.pipeline
        super().on_response_complete()
        if self._stopped_reading and last:
            self.transport.close()

    def shutdown(self) -> None:
        """Let the next response be the last, and wait a short time for its request; uvicorn would close at once."""
        self.timeout_keep_alive = DRAIN_S  # type: ignore[assignment]
        if self._idle():
            self._start_keep_alive_timer()
        elif not self.pipeline:
            self._end_with(self.cycle)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Process a request; if the process is stopping, see when its response begins whether it is the last."""
        if not self.server_state.draining:
            super()._start_asgi_task(cycle, app)
            return

        async def answered(scope: Any, receive: Any, send: Any) -> None:
            def sent(message: Any) -> Any:
                if message["type"] == "http.response.start":
                    self._end_with(cycle)
                return send(message)

            await app(scope, receive, sent)

        super()._start_asgi_task(cycle, answered)

    def _end_with(self, cycle: RequestResponseCycle) -> None:
        """Close the connection after this response, unless more requests of a pipeline have arrived.

        The client sent these before it could know, and could not tell whether they were processed (RFC 9112 §9.3.2).
        """
        if cycle is self.cycle and cycle.keep_alive and not cycle.response_started and not self._more_waits():
            cycle.keep_alive, self._ending = False, cycle

    def _more_waits(self) -> bool:
        """Return whether the next request has begun, or waits in the system's buffer."""
        if self._phase != COMPLETE:
            return self._phase == HEAD
        return not self.transport.is_closing() and unread_bytes(self.transport.get_extra_info("socket")) > 0

    def _refuse(self, answer: bytes) -> None:
        """Stop reading, and close the connection after this response, or after the one to the last whole request."""
        self._stopped_reading = True
        if self._idle() or (self.cycle.more_body and not self.pipeline and not self.cycle.response_started):
            self.transport.write(answer)
            self._close_gently()
        elif not self.cycle.more_body:
            self.cycle.keep_alive = False
        elif self.pipeline:  # requests before it are answered, this one is not
            self.pipeline.popleft()
            self.cycle.response_complete = True
        else:  # a part of a response has been sent
            self.transport.close()

    def _stop_parsing(self, answer: bytes) -> NoReturn:
        """Stop the parser; uvicorn then calls `send_400_response`."""
        self._refusal = answer
        raise ValueError

    def _fields_bytes(self) -> int:
        return sum(len(name) + len(b": \r\n") + len(value) for name, value in self.headers)

    def _max_unfinished_bytes(self) -> int:
        """Return how many bytes of an unfinished head, of trailers or of a chunk's line are accepted."""
        return MAX_HEAD_BYTES + (len(self.url) + SLACK_BYTES if self._phase == HEAD else 0)

    def _close_gently(self) -> None:
        """End the stream, and read the rest of a head for a while: to close with unread data would be a reset."""
        if self._phase == HEAD and self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(LINGER_S, self.timeout_keep_alive_handler)
        else:
            self.transport.close()

    def _idle(self) -> bool:
        """Return whether no request is being processed; the head of one may have begun."""
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _start_timer(self) -> None:
        """Limit the wait of an idle connection: uvicorn has no limit for a head, or after a body that was not read."""
        if self.server_state.draining or (self._progress and self._phase == COMPLETE):
            self._start_keep_alive_timer()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_timeout_s, self.timeout_keep_alive_handler)

    def _start_keep_alive_timer(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _offers_upgrade(self) -> bool:
        """Return whether a client offers another protocol, as `curl --http2` and Java's HttpClient do."""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _unsupported_upgrade_warning(self) -> None:
        """Parse the request again without the offer: the parser has stopped after its head.

        Data after the head of a CONNECT is not HTTP: the response to it closes the connection.
        """
        if not self._offers_upgrade():
            self.cycle.keep_alive = False
            return
        rest = self._data[cast("httptools.HttpParserUpgrade", sys.exc_info()[1]).args[0] :]
        fields = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        version = self.parser.get_http_version().encode()
        line = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)
        self._reparse = b"".join((line, *fields, b"\r\n", rest))
        self.parser = httptools.HttpRequestParser(self)  # the old one does not parse more if the connection is to close
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
