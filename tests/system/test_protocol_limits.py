"""Requests whose target or headers are too long: the same answer on each side of the limit, however they are cut."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.serve.server.error_responses import MAX_HEAD_BYTES, MAX_TARGET_BYTES
from tests.bench.http import Connection
from tests.support.servers import Server, web

LAST_HEADER = b"x: \r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with web(tmp_path_factory.mktemp("limits"), WEB_CONCURRENCY="1") as served:
        yield served


def target_of(length: int) -> bytes:
    """A request whose target has this length; nothing is there."""
    return b"GET /" + b"a" * (length - 1) + b" HTTP/1.1\r\nhost: t\r\n\r\n"


def headers_of(length: int) -> bytes:
    """A request whose headers have this length, in many lines and one long one."""
    fields = b"host: t\r\n" + b"a: b\r\n" * 500
    fields += b"x: " + b"x" * (length - len(fields) - len(LAST_HEADER)) + b"\r\n"
    assert len(fields) == length
    return b"GET /ping HTTP/1.1\r\n" + fields + b"\r\n"


def answer_to(server: Server, message: bytes, piece: int) -> int:
    """The status of the answer to a message that is sent in pieces."""
    with Connection(server.url, timeout_s=20) as peer:
        for start in range(0, len(message), piece):
            peer.send_raw(message[start : start + piece])
        return peer.receive().status


@pytest.mark.parametrize("piece", [1_000_000, 1_000, 32_768], ids=["whole", "small pieces", "large pieces"])
@pytest.mark.parametrize(
    ("length", "status"),
    [
        *((length, 404) for length in (8_000, MAX_TARGET_BYTES - 1, MAX_TARGET_BYTES)),
        *((length, 414) for length in (MAX_TARGET_BYTES + 1, 65_000, 65_530, 65_535, 65_536, 65_537, 70_000, 900_000)),
    ],
)
def test_a_target_over_the_limit_is_a_414(server: Server, length: int, status: int, piece: int) -> None:
    """RFC 9112 §3; also where the parser has limits of its own, at 64 KiB."""
    assert answer_to(server, target_of(length), piece) == status


@pytest.mark.parametrize("piece", [1_000_000, 1_000, 32_768], ids=["whole", "small pieces", "large pieces"])
@pytest.mark.parametrize(
    ("length", "status"),
    [(MAX_HEAD_BYTES - 1, 200), (MAX_HEAD_BYTES, 200), (MAX_HEAD_BYTES + 1, 431), (65_536, 431), (900_000, 431)],
)
def test_headers_over_the_limit_are_a_431(server: Server, length: int, status: int, piece: int) -> None:
    assert answer_to(server, headers_of(length), piece) == status


def test_a_long_target_does_not_count_as_headers(server: Server) -> None:
    message = target_of(MAX_TARGET_BYTES).replace(b"host: t\r\n", headers_of(MAX_HEAD_BYTES)[20:-2])
    assert answer_to(server, message, 10_000) == 404


def test_the_answer_says_what_is_too_long(server: Server) -> None:
    """Also to a client that sends on, which a reset connection would keep from reading it."""
    with Connection(server.url, timeout_s=20) as peer:
        peer.send_raw(target_of(3_000_000))
        answer = peer.receive()
    problem = answer.json()
    assert (answer.status, problem["type"], problem["status"]) == (414, "urn:trinity:target-too-long", 414)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"


def test_the_connection_ends_after_it(server: Server) -> None:
    """For a client that keeps it open, and one that goes on sending."""
    with Connection(server.url, timeout_s=20) as peer:
        peer.send_raw(target_of(MAX_TARGET_BYTES + 1))
        assert peer.receive().status == 414
        with pytest.raises(ConnectionError):
            peer.receive()
    with socket.create_connection(peer.address, 20) as raw, pytest.raises(ConnectionError):
        send_endlessly(raw, target_of(100_000))


def send_endlessly(raw: socket.socket, message: bytes) -> None:
    while True:
        raw.sendall(message)


def test_a_request_before_it_is_answered(server: Server, tmp_path: Path) -> None:
    with Connection(server.url, timeout_s=20) as peer:
        peer.send_raw(b"GET /ping HTTP/1.1\r\nhost: t\r\n\r\n" + target_of(40_000))
        assert peer.receive().body == b'{"ping":"pong"}'
