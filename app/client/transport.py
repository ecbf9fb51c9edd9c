"""HTTP for the client: one request, sent again when it is lost or the service is busy, in bounds of tries and time."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import httpx

from app.client.encoding import EncodedBody
from app.client.errors import URN, TrinityError, Unreachable, of

CONNECT_S = 5.0
ANSWER_S = 30.0
"""How long the service may take to answer what it needs no work for."""
MAX_LOST = 8
"""Tries without an answer after which the service counts as unreachable."""
MAX_BUSY = 100
"""Tries that a busy service may answer by "later"; the deadline is mostly sooner."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
BUSY, LOST_BEHIND_PROXY = frozenset({429, 503}), frozenset({502, 504})
MOMENT_S = 0.001
# the kernel notices within half a minute that a peer is gone while an answer may rightly take an hour
_KEEPALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
]


class Deadline:
    """A point in time by which a call has to be over, all its requests and pauses together."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    @property
    def left_s(self) -> float:
        """Seconds that are left, 0 when there are none."""
        return max(0.0, self._end - self._clock())


class OutgoingRequest(NamedTuple):
    """A request: the same bytes and headers at each try, so that the service knows them again."""

    method: str
    path: str
    query: Mapping[str, Any] = {}
    body: EncodedBody | None = None
    headers: Mapping[str, str] = {}
    answer_s: float | None = ANSWER_S
    """How long the answer may take; None for as long as the deadline lets it."""
    once: bool = False
    """Whether any first answer, or none, is what is wanted to be known."""


class Transport:
    """Connections to one service. Threads may share it. `sleep` is what waits between tries.

    Raise ValueError, which quotes neither, for a URL or a key that can't be one.
    """

    def __init__(self, url: str, key: str | None, sleep: Callable[[float], None] = time.sleep) -> None:
        self.place = without_password(url)
        """The URL in words."""
        headers = {"Accept": "application/json", "User-Agent": "trinity-client"}
        if key:
            if not (key.isascii() and key.isprintable()):
                raise ValueError("the key holds characters that no key has")
            headers["Authorization"] = f"Bearer {key}"
        wire = httpx.HTTPTransport(socket_options=_KEEPALIVE)
        self._http = httpx.Client(base_url=url, headers=headers, transport=wire)
        self._sleep = sleep

    def send(self, request: OutgoingRequest, deadline: Deadline) -> httpx.Response:
        """Return the answer, whatever it says; raise Unreachable when none comes, tried again and again.

        Only what may be sent twice is given here: reads, cancellations, and submissions with an Idempotency-Key. A
        network that fails, a busy service (429, 503: after its Retry-After) and a proxy that lost it (502, 504) are
        reasons for another try.
        """
        lost = busy = 0
        while True:
            answer, failure = None, ""
            try:
                answer = self._once(request, deadline)
                if not _again(answer):
                    return answer
                busy += 1
            except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
                raise  # nothing was sent, and nothing will be
            except httpx.TransportError as error:
                failure = f"{type(error).__name__}: {error}".rstrip(": ")
                lost += 1
            pause_s = (retry_after_s(answer) if answer is not None else None) or _pause_s(max(lost, busy))
            if request.once or lost == MAX_LOST or busy == MAX_BUSY or pause_s >= deadline.left_s:
                if answer is not None:
                    return answer
                tries = f"{lost} {'try' if lost == 1 else 'tries'}"
                raise Unreachable(f"{self.place} doesn't answer after {tries} ({failure})")
            self._sleep(pause_s)

    def json(self, request: OutgoingRequest, deadline: Deadline) -> Any:
        """Return the answer's JSON; raise the error that a problem document tells of."""
        return checked(self.send(request, deadline))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _once(self, request: OutgoingRequest, deadline: Deadline) -> httpx.Response:
        left_s = max(deadline.left_s, MOMENT_S)  # a timeout of 0 is none
        answer_s = left_s if request.answer_s is None else min(left_s, request.answer_s)
        timeout = httpx.Timeout(answer_s, connect=min(CONNECT_S, left_s))
        headers, query, content = dict(request.headers), dict(request.query), None
        if request.body is not None:
            content, headers["Content-Type"] = request.body.content, request.body.media_type
            query |= request.body.query
        return self._http.request(
            request.method, request.path, params=query, content=content, headers=headers, timeout=timeout
        )


def without_password(url: str) -> str:
    """Return the URL of a service as it may be shown; raise ValueError, which doesn't quote it, if it can't be one."""
    try:
        parsed = httpx.URL(url)
        parsed.host.encode("idna")
    except (httpx.InvalidURL, TypeError, UnicodeError):
        parsed = httpx.URL("")
    beyond = parsed.query or parsed.fragment or "@" in parsed.path  # the rest of a password, more likely than not
    if parsed.scheme not in {"http", "https"} or not parsed.host or beyond:
        raise ValueError("the URL of a service is http:// or https://, its host, and a port if need be")
    return str(parsed.copy_with(userinfo=b"")).rstrip("/")


def checked(answer: httpx.Response, job_id: str | None = None) -> Any:
    """Return the JSON of an answer; raise the error that it tells of, a TrinityError also for what isn't a Trinity."""
    if answer.is_success:
        with suppress(ValueError):
            return answer.json()
        raise TrinityError("the answer isn't JSON: is there a Trinity at this URL?", answer.status_code)
    raise of(_problem(answer), job_id)


def shaped(found: Any, *members: str) -> dict[str, Any]:
    """Return an answer that has these members; raise TrinityError for that of another service."""
    if isinstance(found, dict) and found.keys() >= set(members):
        return found
    raise TrinityError("the answer isn't a Trinity's: is there one at this URL?")


def retry_after_s(answer: httpx.Response, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Return the seconds of Retry-After (RFC 9110 §10.2.3), a number or a date; None where it isn't either."""
    text = answer.headers.get("Retry-After", "")
    if text.isascii() and text.isdecimal():
        return float(text)
    with suppress(ValueError, TypeError):  # a date of -0000 has no zone
        seconds: float = (parsedate_to_datetime(text) - now()).total_seconds()
        return max(0.0, seconds)
    return None


def _again(answer: httpx.Response) -> bool:
    """Whether the same request may do better.

    Not when it is the end of a job, which the same Idempotency-Key would only tell once more. Trinity's own 504 is
    always `timeout`, and final; any other, and every 502, is a proxy's, in whatever form.
    """
    if answer.status_code in BUSY:
        return "Content-Location" not in answer.headers
    return answer.status_code in LOST_BEHIND_PROXY and _problem(answer).get("type") != f"{URN}timeout"


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    with suppress(ValueError):
        document = answer.json()
        if isinstance(document, dict):
            return {**document, "status": answer.status_code}
    return {"status": answer.status_code, "detail": f"the service answered {answer.status_code} {answer.reason_phrase}"}


def _pause_s(tried: int) -> float:
    """Return a pause that doubles from try to try, spread so that clients don't come back all at once."""
    return random.uniform(0.5, 1.0) * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (tried - 1))  # noqa: S311  no secret
