"""HTTP for the client: a request is retried if it is lost or the service is busy, up to limits of tries and time."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, BinaryIO, NamedTuple

import httpx

from app.client.encoding import EncodedBody
from app.client.errors import BUSY, URN, Unreachable, error_from_problem
from app.client.file_forms import FileForm
from app.client.network import Verify, check_headers, is_certificate_refused, proxy_of, redirect_target, verification
from app.errors import TrinityError

CONNECT_S = 5.0
RESPONSE_S = 30.0
"""Timeout for a response that needs no work of a model."""
MAX_LOST_TRIES = 8
"""Tries without a response after which the service counts as unreachable."""
MAX_BUSY_TRIES = 100
"""Tries that a busy service may refuse; the deadline mostly comes first."""
FIRST_RETRY_S, MAX_RETRY_S = 0.1, 5.0
LOST_BEHIND_PROXY = frozenset({502, 504})
MIN_TIMEOUT_S = 0.001  # httpx reads 0 as an immediate timeout
# a response may take an hour; with keep-alive probes the kernel still notices a dead peer within half a minute
_KEEPALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
]


class Deadline:
    """The time by which a call must end, including all its requests and pauses."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    @property
    def left_s(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self._end - self._clock())


class OutgoingRequest(NamedTuple):
    """A request; every try has the same bytes and headers, so that the service can recognise it."""

    method: str
    path: str
    query: Mapping[str, Any] = {}
    body: EncodedBody | None = None
    headers: Mapping[str, str] = {}
    response_s: float | None = RESPONSE_S
    """Timeout of one try; None for the rest of the deadline."""
    retries: bool = True
    sink: BinaryIO | None = None
    """The file to which the body of a response with status 200 is written, instead of memory."""


class Transport:
    """Connections to one service through the environment's proxy. Threads may share it. `sleep` waits between tries.

    Raise ValueError for a URL, a key or headers that are not valid; the message does not quote them.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        sleep: Callable[[float], None] = time.sleep,
        *,
        verify: Verify = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.shown_url = without_password(url)
        proxy = proxy_of(httpx.URL(url))
        self._shown_proxy = "" if proxy is None else f" by way of the proxy {proxy.url.copy_with(userinfo=b'')}"
        transport = httpx.HTTPTransport(verify=verification(verify), proxy=proxy, socket_options=_KEEPALIVE)
        self._http = httpx.Client(base_url=url, headers=_headers(key, headers or {}), transport=transport)
        self._sleep = sleep

    def send(self, request: OutgoingRequest, deadline: Deadline) -> httpx.Response:
        """Return the response of any status; raise Unreachable if no try gets a response.

        The request must be safe to send twice: a read, a cancellation, or a submission with an Idempotency-Key. It is
        retried after a network error, if the service is busy (429, 503; after its Retry-After), and if a proxy cannot
        reach the service (502, 504).
        """
        lost = busy = 0
        while True:
            response, failure = None, ""
            try:
                response = self._send_once(request, deadline)
                if not _is_retriable(response):
                    return response
                busy += 1
            except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
                raise  # nothing was sent; another try cannot help
            except httpx.TransportError as error:
                failure = f"{type(error).__name__}: {error}".rstrip(": ")
                if is_certificate_refused(error):
                    raise Unreachable(f"{self.shown_url} has a certificate that is not trusted ({failure})") from error
                lost += 1
            pause_s = (retry_after_s(response) if response is not None else None) or _backoff_s(max(lost, busy))
            if not request.retries or lost == MAX_LOST_TRIES or busy == MAX_BUSY_TRIES or pause_s >= deadline.left_s:
                if response is not None:
                    return response
                tries = f"{lost} {'try' if lost == 1 else 'tries'}"
                raise Unreachable(f"{self.shown_url} did not respond after {tries}{self._shown_proxy} ({failure})")
            self._sleep(pause_s)

    def json(self, request: OutgoingRequest, deadline: Deadline) -> Any:
        """Return the response's JSON; raise the error of a problem document."""
        return decode_response(self.send(request, deadline))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send_once(self, request: OutgoingRequest, deadline: Deadline) -> httpx.Response:
        left_s = max(deadline.left_s, MIN_TIMEOUT_S)
        response_s = left_s if request.response_s is None else min(left_s, request.response_s)
        timeout = httpx.Timeout(response_s, connect=min(CONNECT_S, left_s))
        headers, query = dict(request.headers), dict(request.query)
        content: bytes | FileForm | None = None
        if request.body is not None:
            content, headers["Content-Type"] = request.body.content, request.body.media_type
            query |= request.body.query
            if isinstance(content, FileForm):
                headers["Content-Length"] = str(content.size_bytes)
        sent = self._http.build_request(
            request.method, request.path, params=query, content=content, headers=headers, timeout=timeout
        )
        response = self._http.send(sent, stream=request.sink is not None)
        if request.sink is not None:
            _read_into(response, request.sink)
        return response


def _read_into(response: httpx.Response, sink: BinaryIO) -> None:
    """Write the body of a response to a file from the file's beginning; read the body of an error into memory."""
    try:
        if response.status_code != HTTPStatus.OK:
            response.read()
            return
        sink.seek(0)
        sink.truncate()
        sink.writelines(response.iter_bytes())
    finally:
        response.close()


def _headers(key: str | None, own: Mapping[str, str]) -> httpx.Headers:
    headers = httpx.Headers({"User-Agent": "trinity-client", **check_headers(own), "Accept": "application/json"})
    if key:
        if not (key.isascii() and key.isprintable()):
            raise ValueError("the key is not valid: a key is one line of printable ASCII characters")
        if "Authorization" in headers:
            raise ValueError("headers: Authorization is given, and a key, which is sent in it; give one of them")
        headers["Authorization"] = f"Bearer {key}"
    return headers


def without_password(url: str) -> str:
    """Return a service's URL without its password; raise ValueError, which does not quote it, if it is not valid."""
    try:
        parsed = httpx.URL(url)
        parsed.host.encode("idna")
    except (httpx.InvalidURL, TypeError, UnicodeError):
        parsed = httpx.URL("")
    extra = parsed.query or parsed.fragment or "@" in parsed.path  # probably part of a password
    if parsed.scheme not in {"http", "https"} or not parsed.host or extra:
        raise ValueError("the URL of a service is http:// or https://, a host, and a port if it is not the default")
    return str(parsed.copy_with(userinfo=b"")).rstrip("/")


def decode_response(response: httpx.Response, job_id: str | None = None) -> Any:
    """Return the response's JSON; raise the error of its problem document, or TrinityError if it is not JSON."""
    if response.is_success:
        with suppress(ValueError):
            return response.json()
        raise TrinityError("the response is not JSON: is there a Trinity at this URL?", status=response.status_code)
    raise error_from_problem(_problem(response), job_id)


def require_members(found: Any, *members: str) -> dict[str, Any]:
    """Return the decoded response if it has these members; otherwise raise TrinityError: it is from another service."""
    if isinstance(found, dict) and found.keys() >= set(members):
        return found
    raise TrinityError("the response is not from a Trinity: is there one at this URL?")


def retry_after_s(response: httpx.Response, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Return the seconds of Retry-After (RFC 9110 §10.2.3), a number or a date; None if it is neither."""
    text = response.headers.get("Retry-After", "")
    if text.isascii() and text.isdecimal():
        return float(text)
    with suppress(ValueError, TypeError):  # a date with -0000 has no time zone
        seconds: float = (parsedate_to_datetime(text) - now()).total_seconds()
        return max(0.0, seconds)
    return None


def _is_retriable(response: httpx.Response) -> bool:
    """Whether the same request may succeed later.

    A response with Content-Location is the end of a job: the same Idempotency-Key would return it again. Trinity's own
    504 always has the type `timeout` and is final; any other 504 and every 502 comes from a proxy.
    """
    if response.status_code in BUSY:
        return "Content-Location" not in response.headers
    return response.status_code in LOST_BEHIND_PROXY and _problem(response).get("type") != f"{URN}timeout"


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    status = response.status_code
    if target := redirect_target(response):
        return {"status": status, "detail": f"the service is not at this URL: it redirects to {target} ({status})"}
    with suppress(ValueError):
        document = response.json()
        if isinstance(document, dict):
            return {**document, "status": status}
    return {"status": status, "detail": f"the service responded with status {status} {response.reason_phrase}"}


def _backoff_s(tries: int) -> float:
    """Return a pause that doubles with each try, with jitter so that clients do not all retry at once."""
    return random.uniform(0.5, 1.0) * min(MAX_RETRY_S, FIRST_RETRY_S * 2.0 ** (tries - 1))  # noqa: S311  no secret
