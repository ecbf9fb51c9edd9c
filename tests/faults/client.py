"""The client of the fault suite: it writes each attempt and each answer to disk, and keeps nothing in memory only."""

import hashlib
import itertools
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import local
from typing import Any
from urllib.parse import urlencode

import msgspec

from tests.bench.http import Answer, Connection
from tests.faults.journal import Acknowledged, Attempt, Cancelled, Journal, Refused, Retried, Seen

FINAL = ("SUCCESS", "FAILURE", "REVOKED")
TIMEOUT_S = 15
PAUSE_S = 0.2
BASE = "faults-base"
FILE_RECORDER = "file_recorder"
_numbers = itertools.count(1)


class Client:
    """Sends to one stack and writes into one journal; threads may share it, each has its own connection."""

    def __init__(self, url: str, journal: Journal, effects: Path) -> None:
        self.url, self.journal, self.effects = url, journal, effects
        self._own = local()

    def fit(self, tag: str, **options: Any) -> str | None:
        """Submit a fit of the recorder; the job's id, or None when it was not acknowledged."""
        params = {"tag": tag, "effects": str(self.effects)}
        for name in ("hold_s", "poison"):
            if name in options:
                params[name] = options.pop(name)
        extra = options.pop("extra", {})
        body = {"model": "recorder", "params": params, "data": {"X": [[1.0], [2.0]], "y": [1.0, 3.0]}, **extra}
        return self.submit("fit", tag, body, **options)

    def predict(self, tag: str, x: float, **options: Any) -> str | None:
        """Submit a prediction of the line y = 2x, which `lay_base` fitted."""
        body = {"model": "polynomial", "data": {"X": [[x]]}}
        return self.submit("predict", tag, body, y=2 * x, **options)

    def predict_file(self, tag: str, content: bytes, hold_s: float = 0.0, **options: Any) -> str | None:
        """Submit a text as a file, whose content `file_recorder` gives back."""
        query = urlencode({"tag": tag, "effects": self.effects, "hold_s": hold_s})
        return self.submit("predict", tag, content, path=f"/models/{FILE_RECORDER}/predict?{query}", **options)

    def submit(
        self,
        verb: str,
        tag: str,
        body: object,
        *,
        key: str = "",
        patience_s: float = 0,
        expect: Sequence[str] = ("SUCCESS",),
        y: float | None = None,
        path: str = "",
    ) -> str | None:
        """Attempt once or, with a key and patience, until it is acknowledged: without a key a repeat is a new job.

        Bytes are sent as they are, to the path of a model that takes files.
        """
        assert key or not patience_s, "only a request with a key may be repeated"
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        headers = {"prefer": "respond-async", **({"idempotency_key": f'"{key}"'} if key else {})}
        if isinstance(body, bytes):
            headers["content-type"] = "text/plain"
        end = time.monotonic() + patience_s
        while True:
            n = next(_numbers)
            self.journal.write(Attempt(n, verb, tag, key, list(expect), y))
            answer = self.ask("POST", path or f"/{verb}", raw, **headers)
            if answer is not None and answer.status in (200, 202):
                job_id = str(answer.json()["id"])
                self.journal.write(Acknowledged(n, job_id, time.time()))
                return job_id
            if answer is not None:
                self.journal.write(Refused(n, answer.status, answer.headers.get("retry-after", "")))
            if time.monotonic() > end:
                return None
            time.sleep(PAUSE_S)

    def cancel(self, job_id: str) -> int:
        """DELETE a job; the status of the answer, 0 for none."""
        answer = self.ask("DELETE", f"/jobs/{job_id}")
        if answer is not None and answer.status == 200:
            self.journal.write(Cancelled(job_id))
        return answer.status if answer is not None else 0

    def retry(self, job_id: str) -> int:
        """POST the retry of a job; the status of the answer, 0 for none."""
        answer = self.ask("POST", f"/jobs/{job_id}/retry")
        if answer is not None and answer.status == 202:
            self.journal.write(Retried(job_id))
        return answer.status if answer is not None else 0

    def look(self, job_id: str, wait_s: int = 0) -> str:
        """Read a job; its state, `GONE` for a 404 or 410, or nothing when there is no answer."""
        answer = self.ask("GET", f"/jobs/{job_id}" + (f"?wait={wait_s}" if wait_s else ""))
        if answer is None or answer.status not in (200, 404, 410):
            return ""
        status = str(answer.json()["status"]) if answer.status == 200 else "GONE"
        digest = hashlib.sha256(answer.body).hexdigest() if status in FINAL else ""
        self.journal.write(Seen(job_id, status, digest, time.time()))
        return status

    def envelope(self, job_id: str) -> dict[str, Any]:
        """A job as JSON; empty when there is no answer."""
        answer = self.ask("GET", f"/jobs/{job_id}")
        return dict(answer.json()) if answer is not None and answer.status == 200 else {}

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer | None:
        """One request over this thread's connection; None when it found no answer."""
        with suppress(OSError, ValueError, IndexError):
            if getattr(self._own, "connection", None) is None:
                self._own.connection = Connection(self.url, TIMEOUT_S)
            answer: Answer = self._own.connection.ask(method, path, body, **headers)
            cut_off = len(answer.body) < int(answer.headers.get("content-length", 0))
            if cut_off or answer.headers.get("connection", "").lower() == "close":
                self.hang_up()
            return None if cut_off else answer
        self.hang_up()
        return None

    def hang_up(self) -> None:
        """Close this thread's connection."""
        connection, self._own.connection = getattr(self._own, "connection", None), None
        if connection is not None:
            with suppress(OSError):
                connection.close()


def lay_base(client: Client) -> None:
    """Fit the line that all predictions use; RuntimeError when that fails."""
    body = {"model": "polynomial", "params": {"degree": 1}, "data": {"X": [[0.0], [1.0], [2.0]], "y": [0.0, 2.0, 4.0]}}
    answer = client.ask("POST", "/fit", msgspec.json.encode(body), prefer="wait=30")
    if answer is None or answer.status != 200 or answer.json().get("status") != "SUCCESS":
        raise RuntimeError(f"the base of all predictions was not fitted: {answer}")
