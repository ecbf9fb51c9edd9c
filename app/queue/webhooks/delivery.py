"""One delivery of a message to a webhook: it never raises, and is over within its time."""

from __future__ import annotations

import ssl
from collections.abc import Collection
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, RemoteDisconnected
from typing import TYPE_CHECKING, NamedTuple, cast

from app.errors import Invalid
from app.queue.webhooks.addresses import AddressRefused, reachable
from app.queue.webhooks.deadline_socket import DeadlineSocket, SocketDeadline, connect, secured
from app.queue.webhooks.messages import signed_headers
from app.queue.webhooks.urls import Target, parsed

if TYPE_CHECKING:
    import socket

TIMEOUT_S = 5.0
ANSWER_BYTES = 8_192  # read of an answer, its head included; only the status counts


class Delivery(NamedTuple):
    """How a delivery went: `status` is what the receiver answered, `give_up` that it wants no more of this message."""

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
    """Send the message, signed with the secret as of now, to a public address or a host that is named."""
    headers = signed_headers(secret, message_id, now_s, body)
    try:
        return _judged(_post(parsed(url), headers, body, allowed_hosts, SocketDeadline(timeout_s)))
    except Invalid as error:
        return Delivery(ok=False, status=None, reason=error.detail, give_up=True)
    except (OSError, HTTPException) as error:
        return Delivery(ok=False, status=None, reason=_reason(error))


def _post(
    target: Target, headers: dict[str, str], body: bytes, allowed_hosts: Collection[str], deadline: SocketDeadline
) -> int:
    """Return the status that the receiver answered; raise OSError or HTTPException."""
    private = target.named_in(allowed_hosts)
    places = reachable(target.host, target.port, private=private, timeout_s=deadline.left_s())
    sock = connect(places, deadline)
    if target.secure:
        sock = secured(sock, target.host, deadline)
    with DeadlineSocket(sock, deadline, ANSWER_BYTES) as connection:
        http = HTTPConnection(target.host, target.port)
        http.auto_open = 0
        http.sock = cast("socket.socket", connection)  # never its own: that would ask the DNS again
        about = {
            "Host": target.authority,
            "Content-Type": "application/json",
            "User-Agent": "Trinity",
            "Connection": "close",
        }
        http.request("POST", target.path, body, about | headers)
        response = http.getresponse()
        with suppress(OSError, HTTPException):  # a receiver that may finish its answer sees no error on its side
            response.read(ANSWER_BYTES)
        return response.status


def _judged(status: int) -> Delivery:
    """Say what a status means: 2xx is success, a redirect isn't followed and so no success, 410 means no more."""
    ok = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    return Delivery(ok, status, f"the receiver answered {status}", give_up=status == HTTPStatus.GONE)


def _reason(error: Exception) -> str:
    """Return words that tell the owner of the webhook what went wrong, and nothing of the network it was called from.

    What the receiver said isn't repeated: it might be a service of ours that somebody else made us ask.
    """
    match error:
        case TimeoutError():
            return "the receiver took too long"
        case AddressRefused():
            return str(error)
        case ssl.SSLCertVerificationError():
            return f"the receiver's certificate isn't good: {error.verify_message}"
        case RemoteDisconnected():
            return "the receiver hung up without an answer"
        case HTTPException():
            return "the receiver's answer isn't HTTP"
        case _:
            return f"the receiver can't be reached ({type(error).__name__})"
