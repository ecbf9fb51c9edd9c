"""Each request and answer of the client, one line each, on disk before it goes on: the checker uses nothing else."""

import os
from pathlib import Path
from threading import Condition
from typing import Self

import msgspec


class Attempt(msgspec.Struct, tag="attempt"):
    """Written before a request is sent. `expect`: the final states it may have; `y`: what it must predict."""

    n: int
    verb: str
    tag: str
    key: str = ""
    expect: list[str] = msgspec.field(default_factory=lambda: ["SUCCESS"])
    y: float | None = None


class Acknowledged(msgspec.Struct, tag="acknowledged"):
    """Written after a 2xx: from here on the job `id` is owed to the client."""

    n: int
    id: str
    at: float


class Refused(msgspec.Struct, tag="refused"):
    """Written after any other answer; an attempt with no line of either kind may have been accepted or not."""

    n: int
    status: int
    retry_after: str = ""


class Cancelled(msgspec.Struct, tag="cancelled"):
    """Written after a DELETE that was granted: the job must end so."""

    id: str


class Retried(msgspec.Struct, tag="retried"):
    """Written after a retry that was granted: a job that was cancelled must end as it would have without that."""

    id: str


class Seen(msgspec.Struct, tag="seen"):
    """A job as it was read: its state and, when that is final, a digest of the whole envelope."""

    id: str
    status: str
    digest: str
    at: float


Line = Attempt | Acknowledged | Refused | Cancelled | Retried | Seen


class Journal:
    """An append-only file; writers that come while one fsync runs share the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)
        self._turn = Condition()
        self._waiting: list[bytes] = []
        self._written, self._synced = 0, 0
        self._syncing = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(self, line: Line) -> None:
        """Return when the line is on the disk."""
        raw = msgspec.json.encode(line) + b"\n"
        with self._turn:
            self._waiting.append(raw)
            self._written += 1
            mine = self._written
            while self._synced < mine:
                if self._syncing:
                    self._turn.wait()
                else:
                    self._sync()

    def lines(self) -> list[Line]:
        """Everything written, from the disk."""
        return [msgspec.json.decode(raw, type=Line) for raw in self._path.read_bytes().splitlines()]

    def _sync(self) -> None:
        batch, upto = b"".join(self._waiting), self._written
        self._waiting.clear()
        self._syncing = True
        self._turn.release()
        try:
            self._file.write(batch)
            os.fsync(self._file.fileno())
        finally:
            self._turn.acquire()
            self._syncing = False
        self._synced = upto
        self._turn.notify_all()
