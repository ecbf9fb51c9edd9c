"""Writes lines to a file, pipe or terminal that others write to as well: whole lines, and nobody waits for the reader.

A pipe takes up to 4096 bytes in one piece or not at all (PIPE_BUF, pipe(7)), so lines of several processes never mix.
"""

from __future__ import annotations

import os
import select
import stat
import threading
import time
from contextlib import suppress

from app.telemetry.log_records import stamp

PIECE_BYTES = 4096
KEPT_BYTES = 1024 * 1024  # what waits for a slow reader; beyond it lines are dropped, and their number is told
LOOK_MS = 100
DROPPED = b'{"timestamp":"%s","level":"warning","event":"log lines were dropped, nobody read them","lines":%d}\n'
LAST_S = 2.0  # how long the last lines wait for the reader


class Writer:
    """Safe in several threads, and after a fork."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._never_blocks = _own(descriptor)
        self._lock = threading.Lock()
        self._kept = bytearray()
        self._dropped = 0
        self._helper: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._start_anew)

    def write(self, lines: bytes) -> None:
        """Write whole lines, or keep them until the reader is ready again."""
        with self._lock:
            if not self._kept:
                lines = self._taken(lines)
            if lines:
                self._keep(lines)

    def flush(self, patience_s: float = LAST_S) -> None:
        """Wait for the reader to take what is kept, but not for ever."""
        end = time.monotonic() + patience_s
        while self._kept and time.monotonic() < end:
            self._wait()
            self._go_on()

    def _taken(self, lines: bytes) -> bytes:
        """Write what is taken at once; return the rest."""
        start = 0
        try:
            while start < len(lines) and (self._never_blocks or self._ready()):
                start += os.write(self._descriptor, lines[start : _end(lines, start)])
        except BlockingIOError:
            pass
        except OSError:  # nobody reads any more
            return b""
        return lines[start:]

    def _keep(self, lines: bytes) -> None:
        if len(self._kept) + len(lines) > KEPT_BYTES:
            self._dropped += lines.count(b"\n")
            return
        self._kept += lines
        if self._helper is None:
            self._helper = threading.Thread(target=self._help, name="log", daemon=True)
            self._helper.start()

    def _help(self) -> None:
        """Write what is kept, as the reader takes it."""
        while True:
            self._wait()
            self._go_on()
            with self._lock:
                if not self._kept:
                    self._helper = None
                    return

    def _go_on(self) -> None:
        with self._lock:
            self._kept = bytearray(self._taken(bytes(self._kept)))
            if self._dropped and not self._kept:
                told = (stamp().encode(), self._dropped)
                self._kept += self._taken(DROPPED % told)
                self._dropped = 0

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        poll.poll(LOOK_MS)

    def _ready(self) -> bool:
        """Whether a write will not wait."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(0))

    def _start_anew(self) -> None:
        """Forget, in a process just forked, what the one before will write itself."""
        self._lock = threading.Lock()
        self._kept = bytearray()
        self._dropped = 0
        self._helper = None


def _own(descriptor: int) -> tuple[int, bool]:
    """Return a descriptor for the same file, and whether it never blocks; else it is asked before each write.

    A pipe or terminal is opened anew: the flag would hold for all who share it. A file isn't: its position is shared.
    """
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
        with suppress(OSError):
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            return os.open(f"/dev/fd/{descriptor}", flags), True
    return os.dup(descriptor), False


def _end(lines: bytes, start: int) -> int:
    """Return where the piece ends that begins there: after the lines that a pipe takes whole, or one that is longer."""
    end = start + PIECE_BYTES
    if end >= len(lines):
        return len(lines)
    return lines.rfind(b"\n", start, end) + 1 or lines.find(b"\n", start) + 1 or len(lines)
