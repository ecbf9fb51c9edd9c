"""The lines of the log that come in great number: one for each request, one for each job.

They say who, what, how long and how it ended; never what was in it, and no more of an address than its path.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec

PATH_CHARACTERS = 200
FAULT = 500
QUIET = frozenset({"/ping", "/health/live", "/health/ready", "/metrics"})  # asked all day long by machines
Sink: TypeAlias = Callable[["list[RequestLine] | list[JobLine]"], None]


class RequestLine(msgspec.Struct, gc=False):
    """A request that was answered."""

    timestamp: str
    level: str
    event: str
    method: str
    route: str
    path: str
    status: int
    duration_ms: float
    bytes: int
    request_id: str


class JobLine(msgspec.Struct, gc=False):
    """A job that a worker did; `counted` is false where somebody else had it by then."""

    timestamp: str
    level: str
    event: str
    job_id: str
    verb: str
    model: str
    version: int | None
    status: str
    attempts: int
    duration_ms: float
    rows: int
    counted: bool
    request_id: str
    error: str | msgspec.UnsetType = msgspec.UNSET


class RequestLog:
    """Gathers lines of requests and puts them out together; with `debug` also those that are asked all day long."""

    def __init__(self, put: Sink, *, debug: bool = False, clock: Callable[[], float] | None = None) -> None:
        self._put = put
        self._debug = debug
        self._clock = clock
        self._lines: list[RequestLine] = []

    def add(self, method: str, route: str, path: str, status: int, took_s: float, size: int, request_id: bytes) -> None:
        """Note a request that was answered."""
        level = "info"
        if route in QUIET and status < FAULT:
            if not self._debug:
                return
            level = "debug"
        took_ms = int(took_s * 1e6) / 1000
        name = request_id.decode()
        if len(path) > PATH_CHARACTERS:
            path = path[:PATH_CHARACTERS]
        self._lines.append(RequestLine("", level, "request", method, route, path, status, took_ms, size, name))

    def write(self) -> None:
        """Put out what was noted, all with one time: they lie within a moment."""
        if self._lines:
            lines, self._lines = self._lines, []
            now = stamp(self._clock)
            for line in lines:
                line.timestamp = now
            self._put(lines)


def stamp(clock: Callable[[], float] | None = None) -> str:
    """Return the time as the log has it: RFC 3339 in UTC, in milliseconds."""
    now = datetime.now(UTC) if clock is None else datetime.fromtimestamp(clock(), UTC)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fields(line: Any) -> dict[str, Any]:
    """Return a line as names and values."""
    return {name: value for name, value in msgspec.structs.asdict(line).items() if value is not msgspec.UNSET}
