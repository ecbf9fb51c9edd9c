"""A job as the client sees it: how far it is, waiting for it, its result; in sync mode it has ended when it is made."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from app.client.errors import Conflict, DeadlineExceeded, of
from app.client.transport import ANSWER_S, Deadline, OutgoingRequest, shaped

FINISHED = frozenset({"SUCCESS", "FAILURE", "REVOKED"})
POLL_S = 20
"""Seconds of one long poll; proxies cut what is silent for longer than a minute."""
WATCHED_POLL_S = 1
"""The same where somebody watches the progress, which a poll tells only when it ends."""
SHORTEST_POLL_S = 0.2  # a server that is about to stop answers at once, and should not be asked at once again


class Asks(Protocol):
    """What a job needs of its client."""

    def ask(self, request: OutgoingRequest, deadline: Deadline) -> Any:
        """Return the answer's JSON; raise TrinityError."""

    def deadline(self, timeout_s: float | None) -> Deadline:
        """Return when a call has to be over, for None after the client's own time."""


class JobHandle:
    """One fit, predict or score. `envelope` is what was last heard of it."""

    def __init__(self, client: Asks, envelope: Mapping[str, Any]) -> None:
        self._client = client
        self.envelope = _envelope(envelope)

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.envelope["id"])

    @property
    def verb(self) -> str:
        """What is done: fit, predict or score."""
        return str(self.envelope["verb"])

    @property
    def model(self) -> str:
        """The name of its model."""
        return str(self.envelope["model"])

    @property
    def version(self) -> int | None:
        """The version that it uses; of a fit, that it made."""
        version: int | None = self.envelope["version"]
        return version

    @property
    def status(self) -> str:
        """PENDING, STARTED, RETRY, SUCCESS, FAILURE or REVOKED."""
        return str(self.envelope["status"])

    @property
    def finished(self) -> bool:
        """Whether the status is final."""
        return self.status in FINISHED

    @property
    def progress(self) -> float | None:
        """How much of it is done, from 0 to 1, while it runs and its model tells."""
        return self.envelope.get("progress")

    @property
    def place(self) -> int | None:
        """Its place in the queue, from 1, while it waits."""
        return self.envelope.get("place")

    def refresh(self) -> JobHandle:
        """Ask how it stands; raise NotFound, Gone or Unreachable."""
        if self._queued:
            self._ask(OutgoingRequest("GET", self._path))
        return self

    def wait(self, timeout_s: float | None = None, progress: Callable[[JobHandle], None] | None = None) -> JobHandle:
        """Wait for its end, however it ends; `progress` is called with the job now, about each second, and at the end.

        Raise DeadlineExceeded after `timeout_s` seconds (None: the client's own); the job goes on.
        """
        deadline = self._client.deadline(timeout_s)
        longest_s = POLL_S if progress is None else WATCHED_POLL_S
        while True:
            if progress is not None:
                progress(self)
            if self.finished:
                return self
            if not deadline.left_s:
                raise DeadlineExceeded(f"the job is {self.status} after the time that was given to it", job_id=self.id)
            self._poll(min(longest_s, int(deadline.left_s)), deadline)

    def result(self, timeout_s: float | None = None) -> Any:
        """Return its result when it has ended well: of fit, predict or score as the service's documentation has them.

        Raise the error that it ended in (ModelFailed, TimedOut, Cancelled …), or DeadlineExceeded.
        """
        self.wait(timeout_s)
        if self.status == "SUCCESS" and self.envelope["result"] is None:  # lists of jobs leave results out
            self.refresh()
        if self.status == "SUCCESS":
            return self.envelope["result"]
        raise of(self.envelope["error"] or {"detail": f"the job is {self.status}"}, self.id)

    def cancel(self) -> JobHandle:
        """Call it off, whether it waits or runs; raise Conflict when it has ended otherwise."""
        if not self._queued:
            raise Conflict(f"the job is finished ({self.status})", 409, job_id=self.id)
        self._ask(OutgoingRequest("DELETE", self._path))
        return self

    def retry(self) -> JobHandle:
        """Have it run again after it failed or was cancelled; raise Conflict when it is in another state."""
        if not self._queued:
            raise Conflict(f"the job is {self.status}, and sync mode keeps none", 409, job_id=self.id)
        self._ask(OutgoingRequest("POST", f"{self._path}/retry"))
        return self

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.verb} {self.model} {self.status}>"

    @property
    def _queued(self) -> bool:
        return "self" in self.envelope["links"]

    @property
    def _path(self) -> str:
        return f"/jobs/{quote(self.id, safe='')}"

    def _ask(self, request: OutgoingRequest, deadline: Deadline | None = None) -> None:
        self.envelope = _envelope(self._client.ask(request, deadline or self._client.deadline(None)))

    def _poll(self, wait_s: int, deadline: Deadline) -> None:
        begun = time.monotonic()
        request = OutgoingRequest("GET", self._path, {"wait": wait_s}, answer_s=wait_s + ANSWER_S)
        self._ask(request, deadline)
        if not self.finished and (early_s := SHORTEST_POLL_S - (time.monotonic() - begun)) > 0:
            time.sleep(min(early_s, deadline.left_s))


def _envelope(found: Any) -> Mapping[str, Any]:
    members = "id", "verb", "model", "version", "status", "result", "error", "created", "links"
    return shaped(found, *members)
