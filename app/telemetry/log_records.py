"""The log lines of requests and jobs: one line each.

They contain the operation, its duration and its outcome, but never data or the query of a URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

PATH_CHARACTERS = 200
SERVER_ERROR = 500  # from this status on, the fault is the service's and not the request's
QUIET = frozenset({"/ping", "/health/live", "/health/ready", "/metrics"})  # probes request these all the time
Answered: TypeAlias = tuple[str, str, int, float, int, str, str]
"""An answered request: method, path, status, seconds, bytes of the response, request id, name of its API key."""
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
    key_name: str | UnsetType = UNSET
    """The name of the API key, if the request had a known one."""


class JobLine(msgspec.Struct, gc=False):
    """A job that a worker ran; `counted` is false if another worker had taken the job over by then."""

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
    key_name: str | UnsetType = UNSET
    """The name of the API key of its request, if there was one."""
    error: str | UnsetType = UNSET


class RequestLog:
    """Gathers lines of requests and writes them together; with `debug` also those of probes."""

    def __init__(self, sink: Sink, *, debug: bool = False, clock: Callable[[], float] | None = None) -> None:
        self._sink = sink
        self._debug = debug
        self._clock = clock
        self._lines: list[RequestLine] = []

    def add(self, answers: Iterable[Answered], routes: Mapping[str, str]) -> None:
        """Add the lines of requests that were answered; `routes` has the route of each path."""
        # what depends on the path alone is found once for each path
        known = {path: (route, path[:PATH_CHARACTERS], route in QUIET) for path, route in routes.items()}
        add, debug = self._lines.append, self._debug
        for method, path, status, took_s, size, request_id, key_name in answers:
            route, shown, quiet = known[path]
            level = "debug" if quiet and status < SERVER_ERROR else "info"
            if debug or level == "info":
                took_ms, who = int(took_s * 1e6) / 1000, key_name or UNSET
                add(RequestLine("", level, "request", method, route, shown, status, took_ms, size, request_id, who))

    def write(self) -> None:
        """Write the gathered lines, all with the same time: they are milliseconds apart."""
        if self._lines:
            lines, self._lines = self._lines, []
            now = stamp(self._clock)
            for line in lines:
                line.timestamp = now
            self._sink(lines)


def stamp(clock: Callable[[], float] | None = None) -> str:
    """Return the time for a log line: RFC 3339, UTC, in milliseconds."""
    now = datetime.now(UTC) if clock is None else datetime.fromtimestamp(clock(), UTC)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
