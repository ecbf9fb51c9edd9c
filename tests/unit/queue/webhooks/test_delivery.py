"""Webhook deliveries to real servers: signed, bounded in time and bytes, without redirects, not to private hosts."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from app.queue.webhooks.addresses import AddressRefused, checked_addresses
from app.queue.webhooks.delivery import Delivery, deliver
from app.queue.webhooks.network import CheckedNetwork
from tests.support.receiver import CERTIFICATE, DEADLINE_S, PAUSE_S, raw, receiving, silent, status
from tests.support.servers import ROOT

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY = b'{"type":"job.succeeded"}'
HERE = {"127.0.0.1", "localhost"}
SHORT_S = 0.3
LOOSE_S = 3.0  # on a busy machine a bounded delivery still ends within the bound and so much more
OK = b"HTTP/1.1 200 OK\r\n"


def delivered(url: str, allowed: Any = frozenset(HERE), timeout_s: float = 5.0, body: bytes = BODY) -> Delivery:
    """The delivery, after a check that it ended in time."""
    started = time.monotonic()
    delivery = deliver(url, "msg_1", body, SECRET, allowed, 1_700_000_000.9, timeout_s)
    assert time.monotonic() - started < timeout_s + LOOSE_S
    return delivery


@pytest.mark.parametrize("code", [200, 201, 202, 204])
def test_a_delivery_is_a_signed_post(code: int) -> None:
    """The signature covers the id, the time and the bytes of the body; any 2xx is success."""
    with receiving(status(code)) as receiver:
        assert delivered(receiver.url()) == Delivery(ok=True, status=code, reason=f"the receiver answered {code}")
    (got,) = receiver.received
    assert (got.path, got.body, got.headers["content-type"]) == ("/hook?id=1", BODY, "application/json")
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert (got.headers["webhook-id"], got.headers["webhook-timestamp"]) == ("msg_1", "1700000000")
    expected = hmac.new(KEY, b"msg_1.1700000000." + BODY, hashlib.sha256).digest()
    assert got.headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure(code: int) -> None:
    """Only the URL of the job is called."""
    with receiving(status(200)) as elsewhere, receiving(status(code, Location=elsewhere.url())) as receiver:
        delivery = delivered(receiver.url())
    assert (delivery.ok, delivery.status, delivery.give_up) == (False, code, False)
    assert (len(receiver.received), len(elsewhere.received)) == (1, 0)


@pytest.mark.parametrize("code", [400, 404, 410, 429, 500])
def test_a_refusal_is_tried_again_unless_it_is_gone(code: int) -> None:
    """410 says that the receiver wants no more."""
    with receiving(status(code)) as receiver:
        delivery = delivered(receiver.url())
    assert (delivery.ok, delivery.status, delivery.give_up) == (False, code, code == 410)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]"])
def test_an_address_that_is_not_public_is_not_called(host: str) -> None:
    """Neither as a number nor as a name that resolves to it, whatever else is allowed."""
    with receiving(status(200)) as receiver:
        for allowed in (set(), {"example.com", f"{host}:1"}):
            delivery = delivered(receiver.url(host), allowed)
            assert (delivery.ok, delivery.status) == (False, None)
            assert delivery.reason == "the host has an address that is not public"
    assert receiver.received == []


def test_an_allowed_host_is_called() -> None:
    """Allowed by its name, or by its name and this port."""
    with receiving(status(200)) as receiver:
        for allowed in ({"localhost"}, {f"localhost:{receiver.port}"}):
            assert delivered(receiver.url("localhost"), allowed).ok


def test_a_name_with_one_bad_address_is_not_called() -> None:
    """Every address must be public. The name is resolved once: the connection goes to the checked addresses."""
    resolved: list[str] = []

    def resolver(host: str, port: int) -> list[Any]:
        resolved.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("8.8.8.8", "10.0.0.1")]

    with pytest.raises(AddressRefused):
        checked_addresses("example.com", 443, private=False, timeout_s=5, resolver=resolver)
    places = checked_addresses("example.com", 443, private=True, timeout_s=5, resolver=resolver)
    assert places == [("8.8.8.8", 443), ("10.0.0.1", 443)]
    assert resolved == ["example.com"] * 2


def test_a_slow_dns_is_bounded() -> None:
    """The system's resolver knows no timeout; the delivery has one."""
    answered = threading.Event()

    def resolver(host: str, port: int) -> list[Any]:
        answered.wait(DEADLINE_S)
        return []

    try:
        with pytest.raises(TimeoutError):
            checked_addresses("example.com", 443, private=False, timeout_s=SHORT_S, resolver=resolver)
    finally:
        answered.set()


def test_the_second_address_is_tried_when_the_first_refuses() -> None:
    """A name may have several."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refused = closed.getsockname()
    with receiving(status(200)) as receiver:
        there = ("127.0.0.1", receiver.port)
        network = CheckedNetwork([refused, there], 100)

        async def peer() -> Any:
            stream = await network.connect_tcp("example.com", 80, 5.0)
            try:
                return stream.get_extra_info("server_addr")
            finally:
                await stream.aclose()

        assert asyncio.run(peer()) == there


@pytest.mark.parametrize(
    "answer",
    [silent, raw(b"", b"H", PAUSE_S), raw(OK, b"X", PAUSE_S), raw(OK, b"X: 1\r\n", PAUSE_S)],
    ids=["silent", "status", "one header", "headers"],
)
def test_a_slow_peer_is_left(answer: Callable[..., None]) -> None:
    """The whole delivery has one time limit, however the peer spreads its bytes."""
    with receiving(answer) as receiver:
        delivery = delivered(receiver.url(), timeout_s=SHORT_S)
    assert delivery == Delivery(ok=False, status=None, reason="the receiver took too long")


def test_a_peer_that_does_not_read_is_left() -> None:
    """The limit also holds while the message is sent."""
    with receiving(silent, read=False) as receiver:
        delivery = delivered(receiver.url(), timeout_s=SHORT_S, body=bytes(50_000_000))
    assert delivery.reason == "the receiver took too long"


@pytest.mark.parametrize(
    "head", [b"\r\n", b"Content-Length: 1000000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"]
)
@pytest.mark.parametrize("pause_s", [0.0, PAUSE_S])
def test_an_endless_body_is_left(head: bytes, pause_s: float) -> None:
    """Only the status counts; the rest is read up to a number of bytes and for a time."""
    with receiving(raw(OK + head, b"x" * 1000, pause_s)) as receiver:
        assert delivered(receiver.url(), timeout_s=1.0).ok
        assert receiver.hung_up.wait(DEADLINE_S)


@pytest.mark.parametrize("piece", [b"x" * 1000, b"X: 1\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_an_endless_head_is_left(piece: bytes) -> None:
    """No response makes the caller read for ever."""
    with receiving(raw(OK, piece)) as receiver:
        delivered(receiver.url(), timeout_s=1.0)
        assert receiver.hung_up.wait(DEADLINE_S)


@pytest.mark.parametrize("junk", [b"nonsense\r\n\r\n", b"HTTP/1.1 twenty OK\r\n\r\n", b"SSH-2.0-x\r\n", b"\x00" * 500])
def test_what_is_not_http_is_a_failure(junk: bytes) -> None:
    """The reason does not repeat it."""
    with receiving(lambda _, handler: handler.wfile.write(junk)) as receiver:
        delivery = delivered(receiver.url())
    assert delivery == Delivery(ok=False, status=None, reason="the receiver's response is not valid HTTP")


def test_a_peer_that_hangs_up_is_a_failure() -> None:
    """Before it sent any response."""
    with receiving(lambda _, __: None) as receiver:
        delivery = delivered(receiver.url())
    assert delivery == Delivery(ok=False, status=None, reason="the receiver closed the connection without a response")


def test_a_host_that_is_not_there_is_a_failure() -> None:
    """A closed port, or a name that does not exist."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/", "http://nobody.invalid/"):
        delivery = delivered(url)
        assert (delivery.ok, delivery.status, delivery.give_up) == (False, None, False)


def test_a_url_that_is_not_valid_is_given_up() -> None:
    """Submissions refuse it; if one exists all the same, another try cannot help."""
    assert delivered("ftp://example.com/").give_up


def test_tls_needs_a_trusted_certificate() -> None:
    """A self-signed certificate is refused, and nothing is sent."""
    with receiving(status(200), secure=True) as receiver:
        delivery = delivered(receiver.url("localhost", "https"))
    assert delivery.reason.startswith("the receiver's certificate is not valid")
    assert receiver.received == []


def test_tls_needs_a_certificate_for_this_host() -> None:
    """A trusted one is checked against the host of the URL, though the connection goes to an address."""
    script = (
        "import json, sys; from app.queue.webhooks.delivery import deliver; "
        "print(json.dumps([deliver(url, 'msg_1', b'{}', sys.argv[1], {'localhost', '127.0.0.1'}, 1.0)"
        " for url in sys.argv[2:]]))"
    )
    with receiving(status(200), secure=True) as receiver:
        urls = [receiver.url(host, "https") for host in ("localhost", "127.0.0.1")]
        ran = subprocess.run(
            [sys.executable, "-c", script, SECRET, *urls],
            cwd=ROOT,
            env={**os.environ, "SSL_CERT_FILE": str(CERTIFICATE)},
            capture_output=True,
            check=True,
        )
    named, numbered = (Delivery(*row) for row in json.loads(ran.stdout))
    assert named.ok, named
    assert numbered.reason.startswith("the receiver's certificate is not valid"), numbered
    assert [got.headers["host"] for got in receiver.received] == [f"localhost:{receiver.port}"]


def test_https_to_a_plain_receiver_is_a_failure() -> None:
    """Nothing falls back to http."""
    with receiving(status(200)) as receiver:
        assert not delivered(receiver.url("localhost", "https")).ok
    assert receiver.received == []
