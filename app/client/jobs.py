"""A job in the client: its state, its result, and waiting for it. In sync mode a job is finished from the start."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, BinaryIO
from urllib.parse import quote

from app.client.errors import DeadlineExceeded, error_from_problem
from app.client.transport import RESPONSE_S, Deadline, OutgoingRequest, Transport, decode_response, require_members
from app.errors import Conflict, TrinityError

FILE_MEMBERS = {"name", "media_type", "bytes", "sha256", "href"}
FINISHED = frozenset({"SUCCESS", "FAILURE", "REVOKED"})
POLL_S = 20
"""Seconds of one long poll; proxies cut connections that are silent for more than a minute."""
PROGRESS_POLL_S = 1
"""Seconds of one long poll with a progress callback, since a poll returns the progress only when it ends."""
MIN_POLL_S = 0.2  # a stopping server responds to polls at once, and must not be polled in a tight loop


class JobHandle:
    """One fit, predict or score. `envelope` is the job's last known state, as GET /jobs/{id} returns it."""

    def __init__(self, transport: Transport, envelope: Any, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s
        self.envelope = _envelope(envelope)

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self.envelope["id"])

    @property
    def verb(self) -> str:
        """fit, predict or score."""
        return str(self.envelope["verb"])

    @property
    def model(self) -> str:
        """The name of its model."""
        return str(self.envelope["model"])

    @property
    def version(self) -> int | None:
        """The version that it uses; for a fit, the version that it published."""
        return self.envelope.get("version")

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
        """The completed part, from 0 to 1, while it runs and if its model reports progress."""
        return self.envelope.get("progress")

    @property
    def step(self) -> str:
        """Its current step, such as "page 12 of 30"; '' if its model does not report one."""
        return str(self.envelope.get("step", ""))

    @property
    def position(self) -> int | None:
        """Its position in the queue, from 1, while it waits."""
        return self.envelope.get("position")

    def refresh(self) -> JobHandle:
        """Fetch the current state; raise NotFound, Gone or Unreachable."""
        if self._queued:
            self._request(OutgoingRequest("GET", self._path))
        return self

    def wait(self, timeout_s: float | None = None, progress: Callable[[JobHandle], None] | None = None) -> JobHandle:
        """Wait until the job is finished; call `progress` with the job at once, about each second, and at the end.

        Raise DeadlineExceeded after `timeout_s` seconds (None: the client's timeout); the job continues.
        """
        deadline = self._deadline(timeout_s)
        longest_s = POLL_S if progress is None else PROGRESS_POLL_S
        while True:
            if progress is not None:
                progress(self)
            if self.finished:
                return self
            if not deadline.left_s:
                raise DeadlineExceeded(f"the job is still {self.status} at the end of the timeout", job_id=self.id)
            self._poll(min(longest_s, int(deadline.left_s)), deadline)

    def result(self, timeout_s: float | None = None) -> Any:
        """Wait for the job and return its result, as described in the service's documentation of the verb.

        Raise the error that it ended in (ModelFailed, TimedOut, Cancelled …), or DeadlineExceeded.
        """
        self.wait(timeout_s)
        if self.status == "SUCCESS" and self.envelope["result"] is None:  # a list of jobs has no results
            self.refresh()
        if self.status == "SUCCESS":
            return self.envelope["result"]
        raise error_from_problem(self.envelope["error"] or {"detail": f"the job is {self.status}"}, self.id)

    def file(self, name: str | None = None, timeout_s: float | None = None) -> bytes:
        """Wait for the job and return a file of its result, by default the first; raise as `result`, or NotFound.

        In sync mode files are kept for as long as results of async mode.
        """
        content = io.BytesIO()
        self.save_file(content, name, timeout_s)
        return content.getvalue()

    def save_file(self, file: BinaryIO, name: str | None = None, timeout_s: float | None = None) -> None:
        """Wait for the job and write a file of its result into an empty binary file; otherwise as `file`.

        It is streamed. Names of files come from the model: never use one as a path.
        """
        described = next((each for each in self.files(timeout_s) if name in {None, each["name"]}), None)
        query = {} if name is None else {"name": name}
        request = OutgoingRequest("GET", f"{self._path}/result/file", query, sink=file)
        response = self._transport.send(request, self._deadline(timeout_s))
        if response.status_code != HTTPStatus.OK:
            decode_response(response)
        if described is not None and file.tell() != described["bytes"]:
            found = f"the file came with {file.tell()} bytes, and has {described['bytes']}"
            raise TrinityError(f"{found}: is the server's TRINITY_ACCEL_REDIRECT set, and no nginx before it?")

    def files(self, timeout_s: float | None = None) -> list[dict[str, Any]]:
        """Wait for the job and return its result's files: name, media_type, bytes, sha256, href; raise as `result`."""
        result = self.result(timeout_s)
        members = result.values() if isinstance(result, dict) else ()
        return [each for each in members if isinstance(each, dict) and each.keys() == FILE_MEMBERS]

    def cancel(self) -> JobHandle:
        """Cancel the job, queued or running; raise Conflict if it finished in another way."""
        if not self._queued:
            raise Conflict(f"the job is finished ({self.status})", status=409, job_id=self.id)
        self._request(OutgoingRequest("DELETE", self._path))
        return self

    def retry(self) -> JobHandle:
        """Run the job again after it failed or was cancelled; raise Conflict in any other state."""
        if not self._queued:
            raise Conflict(f"the job is {self.status}; sync mode cannot run jobs again", status=409, job_id=self.id)
        self._request(OutgoingRequest("POST", f"{self._path}/retry"))
        return self

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.verb} {self.model} {self.status}>"

    @property
    def _queued(self) -> bool:
        return "self" in self.envelope["links"]

    @property
    def _path(self) -> str:
        return f"/jobs/{quote(self.id, safe='')}"

    def _deadline(self, timeout_s: float | None) -> Deadline:
        return Deadline(self._timeout_s if timeout_s is None else timeout_s)

    def _request(self, request: OutgoingRequest, deadline: Deadline | None = None) -> None:
        self.envelope = _envelope(self._transport.json(request, deadline or self._deadline(None)))

    def _poll(self, wait_s: int, deadline: Deadline) -> None:
        started = time.monotonic()
        request = OutgoingRequest("GET", self._path, {"wait": wait_s}, response_s=wait_s + RESPONSE_S)
        self._request(request, deadline)
        if not self.finished and (pause_s := MIN_POLL_S - (time.monotonic() - started)) > 0:
            time.sleep(min(pause_s, deadline.left_s))


def _envelope(found: Any) -> dict[str, Any]:
    members = "id", "verb", "model", "version", "status", "result", "error", "created", "links"
    return require_members(found, *members)
