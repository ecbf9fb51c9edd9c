"""Writes log lines to standard error in a separate thread, so that no request waits for a slow reader.

The thread is the standard library's QueueListener; the queue before it is bounded. The thread starts with the first
line. After a fork the child starts with an empty queue: the parent writes what was in it.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from contextlib import suppress
from logging.handlers import QueueListener
from queue import Full, Queue
from typing import Any, cast

from app.telemetry.log_records import stamp

PIPE_BUF = 4096  # a pipe takes a write of at most so many bytes in one piece: lines of several processes never mix
MAX_QUEUED_BYTES = 1024 * 1024  # beyond it lines are dropped and counted
DROPPED = b'{"timestamp":"%s","level":"warning","event":"log lines were dropped, the reader is too slow","lines":%d}\n'
FLUSH_TIMEOUT_S = 2.0


class LineQueue(Queue[bytes]):
    """A queue of log lines, bounded by their bytes instead of their number."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._bytes = 0

    def _qsize(self) -> int:
        return self._bytes

    def _put(self, item: bytes) -> None:
        super()._put(item)
        self._bytes += len(item)

    def _get(self) -> bytes:
        item = super()._get()
        self._bytes -= len(item)
        return item


class LineWriter:
    """Writes whole lines to a file descriptor; any thread may call it, also after a fork."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._queue = LineQueue(MAX_QUEUED_BYTES)
        self._lock = threading.Lock()
        self._dropped = 0
        self._listener: QueueListener | None = None

    def write(self, lines: bytes) -> None:
        """Queue whole lines; drop and count them when the queue is full. Never waits."""
        if self._listener is None:
            self._start()
        try:
            self._queue.put_nowait(lines)
        except Full:
            with self._lock:
                self._dropped += lines.count(b"\n")

    def handle(self, lines: bytes) -> None:
        """Write the lines of one item, as the listener's handler; a closed pipe is not an error."""
        with suppress(OSError):
            for piece in _pieces(lines):
                _write_all(self._descriptor, piece)
            if self._dropped and not self._queue.qsize():
                with self._lock:
                    dropped, self._dropped = self._dropped, 0
                _write_all(self._descriptor, DROPPED % (stamp().encode(), dropped))

    def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> None:
        """Wait until every queued line is written, but not longer than `timeout_s`."""
        with self._queue.all_tasks_done:
            self._queue.all_tasks_done.wait_for(lambda: not self._queue.unfinished_tasks, timeout_s)

    def _start(self) -> None:
        with self._lock:
            if self._listener is None:
                self._listener = QueueListener(self._queue, cast("Any", self))
                self._listener.start()


def _pieces(lines: bytes) -> Iterator[bytes]:
    """Split at line ends into pieces of at most PIPE_BUF bytes; a line that is longer stays whole."""
    start = 0
    while start < len(lines):
        end = start + PIPE_BUF
        if end < len(lines):
            end = lines.rfind(b"\n", start, end) + 1 or lines.find(b"\n", start) + 1 or len(lines)
        yield lines[start:end]
        start = end


def _write_all(descriptor: int, piece: bytes) -> None:
    while piece:
        try:
            piece = piece[os.write(descriptor, piece) :]
        except BlockingIOError:  # another program made the shared descriptor non-blocking
            select.select((), (descriptor,), ())
