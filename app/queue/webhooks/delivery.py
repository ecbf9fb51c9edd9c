"""One delivery of a message to a webhook: it never raises, and it ends within its time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

import httpcore

from app.errors import Invalid
from app.queue.webhooks.addresses import AddressRefused, checked_addresses
from app.queue.webhooks.messages import signed_headers
from app.queue.webhooks.network import CheckedNetwork, NoResponse
from app.queue.webhooks.urls import Target, parse_url

TIMEOUT_S = 5.0
MAX_RESPONSE_BYTES = 8_192  # head and body together; only the status counts
HEADERS = {"Content-Type": "application/json", "User-Agent": "Trinity", "Connection": "close"}
_HTTP_ERRORS = (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


class Delivery(NamedTuple):
    """The outcome of a delivery: `status` is what the receiver answered; `give_up` means no further tries."""

    ok: bool
    status: int | None
    reason: str
    give_up: bool = False


def deliver(
    url: str,
    message_id: str,
    body: bytes,
    secret: str,
    allowed_hosts: Collection[str],
    now_s: float,
    timeout_s: float = TIMEOUT_S,
) -> Delivery:
    """Send the message, signed with the secret at the time `now_s`, to a public address or to an allowed host."""
    headers = HEADERS | signed_headers(secret, message_id, now_s, body)
    try:
        target = parse_url(url)
        return _outcome(asyncio.run(_post(target, headers, body, allowed_hosts, timeout_s)))
    except Invalid as error:
        return Delivery(ok=False, status=None, reason=error.detail, give_up=True)
    except _HTTP_ERRORS as error:
        return Delivery(ok=False, status=None, reason=_reason(error))


async def _post(
    target: Target, headers: dict[str, str], body: bytes, allowed_hosts: Collection[str], timeout_s: float
) -> int:
    """Return the receiver's status; raise OSError or one of httpcore's errors.

    httpcore follows no redirects, keeps no cookies and reads no proxies from the environment.
    """
    status = None
    try:
        async with asyncio.timeout(timeout_s):
            private = target.named_in(allowed_hosts)
            addresses = checked_addresses(target.host, target.port, private=private, timeout_s=timeout_s)
            network = CheckedNetwork(addresses, MAX_RESPONSE_BYTES)
            pool = httpcore.AsyncConnectionPool(_tls() if target.secure else None, network_backend=network)
            request: dict[str, Any] = {
                "headers": [*headers.items(), ("Host", target.authority), ("Content-Length", str(len(body)))],
                "content": body,
                "extensions": {"timeout": {"connect": timeout_s}},
            }
            async with pool, pool.stream("POST", _url(target), **request) as response:
                status = response.status
                async for _ in response.aiter_stream():  # a receiver that may finish its response logs no error
                    pass
    except _HTTP_ERRORS:
        if status is None:
            raise
    return status


def _url(target: Target) -> httpcore.URL:
    scheme = "https" if target.secure else "http"
    return httpcore.URL(scheme=scheme, host=target.host, port=target.port, target=target.path)


def _outcome(status: int) -> Delivery:
    """Judge a status: 2xx is success; a redirect is not followed, so it is no success; 410 stops all further tries."""
    ok = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    return Delivery(ok, status, f"the receiver answered {status}", give_up=status == HTTPStatus.GONE)


def _reason(error: BaseException) -> str:
    """Return what went wrong, for the owner of the webhook, without details of the network that Trinity runs in.

    The receiver's words are not repeated: it might be an internal service that a stranger made Trinity call.
    """
    cause = error.__context__  # httpcore clears __cause__
    match error:
        case TimeoutError() | httpcore.TimeoutException():
            return "the receiver took too long"
        case AddressRefused():
            return str(error)
        case httpcore.ConnectError() if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the receiver's certificate is not valid: {cause.verify_message}"
        case NoResponse():
            return "the receiver closed the connection without a response"
        case httpcore.ProtocolError():
            return "the receiver's response is not valid HTTP"
        case _:
            return f"the receiver can't be reached ({type(_root(error)).__name__})"


def _root(error: BaseException) -> BaseException:
    """Return the first cause: httpcore and anyio raise their own errors from the system's."""
    return error if error.__context__ is None else _root(error.__context__)


@cache
def _tls() -> ssl.SSLContext:
    """Return the system's trusted authorities; loading them takes longer than a handshake."""
    return ssl.create_default_context()
