"""The client of the conformance tests: `call` returns the finished envelope in every mode."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from tests.support.servers import Server, until

Json = Any
Mode = Literal["inline", "redis", "rabbit"]
WAIT_S = 30
PROBLEM = "application/problem+json"
KEYS = {"id", "verb", "model", "version", "status", "result", "error", "created", "started", "finished", "links"}

MODES: tuple[Mode, ...] = ("inline", "redis", "rabbit")
only_inline = pytest.mark.parametrize("api", MODES[:1], indirect=True, scope="session")
only_queued = pytest.mark.parametrize("api", MODES[1:], indirect=True, scope="session")


@dataclass
class Api:
    """A running Trinity. `ledger_url` is the Redis database that keeps its jobs, None in sync mode."""

    mode: Mode
    http: httpx.Client
    servers: list[Server] = field(default_factory=list)
    ledger_url: str | None = None

    @property
    def queued(self) -> bool:
        """Whether it works with jobs."""
        return self.mode != "inline"

    def post(self, verb: str, body: Json = None, **options: Any) -> httpx.Response:
        """POST a verb or path with a JSON body (no body for None); return the response."""
        content = {} if body is None else {"json": body}
        return self.http.post(f"/{verb}", **content, **options)

    def call(self, verb: str, body: Json = None, **options: Any) -> Json:
        """The envelope of a finished call, in any mode."""
        headers = {"Prefer": f"wait={WAIT_S}", **options.pop("headers", {})}
        return self.finished(self.post(verb, body, headers=headers, **options))

    def result(self, verb: str, body: Json = None, **options: Any) -> Json:
        """The result of a call that must succeed."""
        envelope = self.call(verb, body, **options)
        assert envelope["status"] == "SUCCESS", envelope
        return envelope["result"]

    def csv(self, verb: str, text: str | bytes, **query: Any) -> Json:
        """The result of a call with a CSV table."""
        content = text.encode() if isinstance(text, str) else text
        return self.result(verb, content=content, headers={"Content-Type": "text/csv"}, params=query)

    def finished(self, answer: httpx.Response) -> Json:
        """The finished envelope of a response: its own after a 200, that of its job after a 202."""
        assert answer.status_code in (200, 202), f"{answer.status_code} {answer.text}"
        if answer.status_code == 200:
            return answer.json()
        location = answer.headers["Location"]
        polled = self.http.get(location, params={"wait": WAIT_S})
        assert polled.status_code == 200, f"{polled.status_code} {polled.text}"
        envelope = polled.json()
        assert envelope["status"] not in ("PENDING", "STARTED", "RETRY"), envelope
        return envelope

    def log(self) -> str:
        """The last lines of its servers' logs."""
        return "\n".join(server.tail() for server in self.servers)


def problem(answer: httpx.Response, status: int) -> Json:
    """The problem document (RFC 9457) of an error response, after a check of its form and status."""
    assert answer.status_code == status, f"expected {status}, got {answer.status_code} {answer.text[:2000]}"
    assert answer.headers["Content-Type"].split(";")[0] == PROBLEM
    document = answer.json()
    check_problem(document, status)
    assert "Location" not in answer.headers
    return document


def check_problem(document: Json, status: int) -> None:
    """A problem document has a type, a title, its status and a detail; 422 points to the bad value."""
    assert isinstance(document["type"], str)
    assert document["type"]
    assert isinstance(document["title"], str)
    assert document["title"]
    assert document["status"] == status
    assert isinstance(document["detail"], str)
    assert document["detail"]
    for error in document.get("errors", []):
        assert error["pointer"] == "" or error["pointer"].startswith("/")
        assert error["detail"]


def pointers(document: Json) -> list[str]:
    """The pointers of a problem document."""
    return [error["pointer"] for error in document.get("errors", [])]


@contextmanager
def gate(folder: Path) -> Iterator["Gate"]:
    """A named pipe where fits of the model `gated` wait; at the end every waiting fit goes on."""
    path = folder / "gate"
    os.mkfifo(path)
    pipe = Gate(path)
    try:
        yield pipe
    finally:
        pipe.open()


@dataclass
class Gate:
    """The test's end of the pipe."""

    path: Path
    _held: int | None = None

    def wait_for_fit(self) -> None:
        """Wait until a fit has reached the gate, and hold it there."""
        until(self._fit_waits, "a fit at the gate")

    def nobody_waits(self) -> bool:
        """Whether the process of the held fit has ended; the gate is closed again then."""
        if self._held is not None:
            with suppress(BrokenPipeError):
                os.write(self._held, b"?")
                return False
            os.close(self._held)
            self._held = None
        return True

    def open(self) -> None:
        """Let the fit continue."""
        if self._held is None:
            self._fit_waits()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def body(self) -> Json:
        """A fit that waits here."""
        return {"model": "gated", "params": {"gate": str(self.path)}, "data": {"X": [[1.0], [2.0]], "y": [1.0, 3.0]}}

    def _fit_waits(self) -> bool:
        with suppress(OSError):  # ENXIO: no reader yet
            self._held = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        return self._held is not None
