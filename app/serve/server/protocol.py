"""uvicorn's HTTP/1.1 protocol with bounds on heads, joined writes, and a way to leave that no client notices."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Sized
from typing import ClassVar, cast

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.serve.server.error_responses import HEAD_TOO_LARGE, MAX_HEAD_BYTES, NOT_HTTP
from app.serve.server.write_buffer import CoalescingTransport

HEAD_TIMEOUT_S = 30
WRITE_TIMEOUT_S = 60  # how long a client may read nothing of an answer that is too long for the buffers
VERSIONS = {"1.0", "1.1"}
DRAIN_S = 1.5  # how long a process that stops still waits for the next request of a connection


class State(ServerState):
    """What the connections of one process know of it."""

    draining = False


class PipelineFlow(FlowControl):
    """Reads no more while requests wait in the pipeline; uvicorn would after every answer, and hold all that comes."""

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        """Read on, unless requests wait."""
        if not self._pipeline:
            super().resume_reading()


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with bounds on the request line and headers, which httptools itself doesn't have.

    When the process stops, it says so in the next answer instead of hanging up: a client that is just sending its next
    request on an idle connection could not tell whether it was done (RFC 9112 §9.6).
    """

    server_state: State
    head_timeout_s: ClassVar[float] = HEAD_TIMEOUT_S
    write_timeout_s: ClassVar[float] = WRITE_TIMEOUT_S
    _in_head = True  # what comes next is of a head, of which so many bytes have come
    _head_bytes = 0
    _head_complete = False  # a head has ended in the data that is being read
    _ended = False  # the data ends with the end of a message
    _in_trailers = False  # a chunk was announced, and nothing of it has come: it is the last, maybe
    _announced = False  # it was so in the data that is being read
    _trailer_bytes = 0
    _stopped_reading = False  # nothing more is read, for what came can't be
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _read = b""  # what the parser is reading, and what it is to read again
    _again = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", CoalescingTransport(transport, self.loop))
        self.flow = PipelineFlow(transport, self.pipeline)
        self._start_head_timer()
        if self.server_state.draining:  # accepted before, made known only now
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._stop_head_timer()
        self._stop_write_timer()

    def pause_writing(self) -> None:
        """Wait for the client to read, but not for ever."""
        super().pause_writing()
        self._stop_write_timer()
        self._write_timer = self.loop.call_later(self.write_timeout_s, self._reset)

    def _reset(self) -> None:
        """Reset the connection: else the system would keep what nobody reads for minutes."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._stop_write_timer()
        super().resume_writing()

    def on_message_begin(self) -> None:
        """Begin to count: what follows, up to the empty line, is a head."""
        self._in_head = True
        self._ended = self._in_trailers = False
        self._head_bytes = self._trailer_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer isn't one, whatever its name (RFC 9110 §6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_chunk_header(self) -> None:
        """Expect trailers: the chunk may be the last one."""
        self._in_trailers = self._announced = True

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._in_trailers = False
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """Stop counting: what follows is a body, and bodies are bounded by the application."""
        self._in_head = False
        self._head_complete = True
        self._stop_head_timer()
        self._unset_keepalive_if_required()  # begun by an answer at once to what came before in the same data
        if self._offers_upgrade():
            return  # it comes again, without the offer
        if self.parser.get_http_version() not in VERSIONS:
            raise ValueError  # the parser takes it for an error of its own
        super().on_headers_complete()
        if self.server_state.draining:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """End a message; a request that offers another protocol comes again."""
        self._ended = True
        self._in_trailers = False
        if not self._offers_upgrade():
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Read requests; refuse a head that is too long, and see that the end of none is awaited for ever."""
        if self._stopped_reading:
            return
        self._head_complete = self._ended = self._announced = False
        while data:
            self._read, self._again = data, b""
            super().data_received(data)
            data = self._again
        headed, self._head_complete = self._head_complete, False
        if self._idle():
            self._start_timer()
        if self._in_head and not headed:  # else only the end of the data is of the next head
            self._head_bytes += len(self._read)
        elif self._in_trailers and not self._announced:
            self._trailer_bytes += len(self._read)
        if max(self._head_bytes, self._trailer_bytes) > MAX_HEAD_BYTES and not self._stopped_reading:
            self._refuse(HEAD_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  ours says more
        """Refuse what isn't HTTP."""
        self._refuse(NOT_HTTP)

    def on_response_complete(self) -> None:
        """Go on with the next request, and read on when it was the last that waited."""
        last = not self.pipeline
        super().on_response_complete()
        if self._stopped_reading and last:
            self.transport.close()
        elif not self.transport.is_closing():
            self.flow.resume_reading()

    def shutdown(self) -> None:
        """Let the answer to the request at hand be the last, or wait a little for one; uvicorn would hang up."""
        self.timeout_keep_alive = DRAIN_S  # type: ignore[assignment]  # for what is answered already without a word of the end
        if self._idle():
            self._start_drain_timer()
        elif not self.cycle.response_started:
            self.cycle.keep_alive = False

    def _refuse(self, answer: bytes) -> None:
        """Read no more, and end the connection: with this answer, or that to the last whole request, yet to come."""
        self._stopped_reading = True
        if self._idle() or (self.cycle.more_body and not self.pipeline and not self.cycle.response_started):
            self.transport.write(answer)
            self.transport.close()
        elif not self.cycle.more_body:
            self.cycle.keep_alive = False
        elif self.pipeline:  # those before it are answered, it isn't
            self.pipeline.popleft()
            self.cycle.response_complete = True
        else:  # half an answer is out
            self.transport.close()

    def _idle(self) -> bool:
        """Return whether no request is worked on; the head of one may have begun."""
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _start_timer(self) -> None:
        """Bound the wait for a request, if an answer in the same data didn't: uvicorn's timer has ended with it."""
        if self.server_state.draining:
            self._start_drain_timer()
        elif self.timeout_keep_alive_task is not None:
            return
        elif self._ended:  # of a request that was answered before its body had come
            self._stop_head_timer()
            wait_s = self.timeout_keep_alive
            self.timeout_keep_alive_task = self.loop.call_later(wait_s, self.timeout_keep_alive_handler)
        elif self._head_timer is None:
            self._start_head_timer()

    def _start_drain_timer(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(DRAIN_S, self.timeout_keep_alive_handler)

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout_s, self.timeout_keep_alive_handler)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _offers_upgrade(self) -> bool:
        """Return whether a client offers another protocol, as `curl --http2` and Java's HttpClient do."""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _unsupported_upgrade_warning(self) -> None:
        """Have the request read again without the offer: the parser has left it at its head.

        That of a CONNECT is none to be read again, for what follows it is no HTTP: its answer ends the connection.
        """
        if not self._offers_upgrade():
            self.cycle.keep_alive = False
            return
        rest = self._read[cast("httptools.HttpParserUpgrade", sys.exc_info()[1]).args[0] :]
        fields = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        version = self.parser.get_http_version().encode()
        line = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)
        self._again = b"".join((line, *fields, b"\r\n", rest))
        self.parser = httptools.HttpRequestParser(self)  # the other one reads no more where the connection is to end
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
