"""Delivers one signed message to a webhook within a time limit, never raises, and says when to try again."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import ssl
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

import httpcore
import msgspec

from app.errors import Invalid
from app.queue.webhooks.addresses import AddressRefused, checked_addresses
from app.queue.webhooks.network import CheckedNetwork, NoResponse
from app.queue.webhooks.urls import Target, parse_url
from app.schemas.jobs import Status

SECRET_PREFIX = "whsec_"  # noqa: S105  every secret begins with it
TYPES: dict[Status, str] = {"SUCCESS": "job.succeeded", "FAILURE": "job.failed", "REVOKED": "job.revoked"}
TIMEOUT_S = 5.0
MAX_RESPONSE_BYTES = 8_192  # head and body together; only the status counts
TRIES = 12  # in about five minutes
PAUSES_S = tuple(2.0 * 1.48**failed for failed in range(TRIES - 1))  # between them, growing
JITTER = 0.2  # spreads the tries of many webhooks to a receiver that was down
HEADERS = {"Content-Type": "application/json", "User-Agent": "Trinity", "Connection": "close"}
_HTTP_ERRORS = (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


class Delivery(NamedTuple):
    """The outcome of a delivery: `status` is the receiver's; `give_up` means no further tries."""

    ok: bool
    status: int | None
    reason: str
    give_up: bool = False


def message(status: Status, envelope: msgspec.Raw, finished_s: float) -> bytes:
    """Return the body of the message about a job that finished at that time; its status must be final."""
    timestamp = datetime.fromtimestamp(finished_s, UTC)
    return msgspec.json.encode({"type": TYPES[status], "timestamp": timestamp, "data": envelope})


def signed_headers(secret: str, message_id: str, now_s: float, body: bytes) -> dict[str, str]:
    """Return the headers of a message sent at `now_s`; every try of a message has the same id."""
    timestamp = str(int(now_s))
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    signature = base64.b64encode(digest).decode()
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{signature}"}


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
        status = asyncio.run(_post(parse_url(url), headers, body, allowed_hosts, timeout_s))
    except Invalid as error:
        return Delivery(ok=False, status=None, reason=error.detail, give_up=True)
    except _HTTP_ERRORS as error:
        return Delivery(ok=False, status=None, reason=_reason(error))
    ok = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES  # a redirect is not followed: it is no success
    return Delivery(ok, status, f"the receiver answered {status}", give_up=status == HTTPStatus.GONE)


def next_try(tries: int, chance: Callable[[], float] = random.random) -> float | None:
    """Return the seconds until the next try after `tries` tries, None after the last; `chance` returns [0, 1)."""
    if tries <= 0:
        return 0.0
    return PAUSES_S[tries - 1] * (1 - JITTER + 2 * JITTER * chance()) if tries < TRIES else None


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
            scheme = "https" if target.secure else "http"
            url = httpcore.URL(scheme=scheme, host=target.host, port=target.port, target=target.path)
            request: dict[str, Any] = {
                "headers": [*headers.items(), ("Host", target.authority), ("Content-Length", str(len(body)))],
                "content": body,
                "extensions": {"timeout": {"connect": timeout_s}},
            }
            async with pool, pool.stream("POST", url, **request) as response:
                status = response.status
                async for _ in response.aiter_stream():  # read to the end, or the receiver would log an error
                    pass
    except _HTTP_ERRORS:
        if status is None:
            raise
    return status


def _reason(error: BaseException) -> str:
    """Return the reason of the failure for the webhook's owner, without details of Trinity's own network.

    The receiver's text is not quoted: a stranger might have made Trinity call an internal service.
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
