"""HTTP/1.1 with all kinds of clients: offers of other protocols, split, pipelined and endless requests."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
import pytest

from tests.bench.http import Connection, request
from tests.support.api import Gate, gate
from tests.support.servers import Server, until, web

ROW = b'{"data":{"X":[[0.5]]}}'
PREDICT = request("POST", "/predict", ROW)
PING = b"GET /ping HTTP/1.1\r\nhost: t\r\n\r\n"
OFFER = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2_settings": "AAMAAABk"}
KEEP_ALIVE_S = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One process with timeouts: a head one second, a body two, an idle connection three."""
    folder = tmp_path_factory.mktemp("protocol")
    settings = folder / "impatient.conf.py"
    settings.write_text(
        "import runpy\nglobals().update(runpy.run_path('gunicorn.conf.py'))\n"
        "from app.serve.server.protocol import BoundedProtocol\n"
        "BoundedProtocol.head_timeout_s = 1\nBoundedProtocol.write_timeout_s = 2\n"
        f"keepalive = {KEEP_ALIVE_S}\n"
    )
    environment = {"WEB_CONCURRENCY": "1", "TRINITY_BODY_TIMEOUT": "2", "GUNICORN_CMD_ARGS": f"--config {settings}"}
    environment["TRINITY_MODELS"] = "app.model.models,tests.support.models"
    with web(folder, **environment) as served:
        with Connection(served.url) as connection:
            assert connection.ask("POST", "/fit").status == 200
        yield served


@pytest.fixture
def peer(server: Server) -> Iterator[Connection]:
    with Connection(server.url, timeout_s=20) as connection:
        yield connection


def fit_at(pipe: Gate) -> bytes:
    """A fit that waits at a gate."""
    return request("POST", "/fit", msgspec.json.encode(pipe.body()))


def read_by_now(peer: Connection) -> None:
    """Wait until the server has read all that was sent."""
    with Connection(f"http://{peer.address[0]}:{peer.address[1]}") as other:
        assert other.ask("GET", "/ping").status == 200


def ended_after_s(peer: Connection) -> float:
    """Seconds until the server closes the connection."""
    began = time.monotonic()
    with pytest.raises(ConnectionError):
        peer.receive()
    return time.monotonic() - began


@pytest.mark.parametrize("cut", [None, 5, -30, -10], ids=["whole", "in the line", "in the head", "in the body"])
def test_a_request_that_offers_another_protocol_is_answered_in_this_one(peer: Connection, cut: int | None) -> None:
    """With its body, as `curl --http2` and Java's client send each request; the next request is answered, too."""
    message = request("POST", "/predict", ROW, **OFFER) + PING + request("POST", "/predict", ROW, **OFFER)
    if cut is not None:
        first = message[: message.index(PING)]
        peer.send_raw(first[:cut])
        read_by_now(peer)
        message = message[len(first[:cut]) :]
    peer.send_raw(message)
    assert [(answer.status, b'"y":' in answer.body) for answer in (peer.receive(), peer.receive(), peer.receive())] == [
        (200, True),
        (200, False),
        (200, True),
    ]


def test_a_chunked_body_is_read_though_another_protocol_was_offered(peer: Connection) -> None:
    body = b'{"model":"multivariate","data":{"X":[[1,2],[3,4],[5,7],[1,1]],"y":[1,2,3,4]}}'
    head = request("POST", "/fit", **OFFER, transfer_encoding="chunked").replace(b"content-length: 0\r\n", b"")
    peer.send_raw(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    answer = peer.receive()
    assert answer.status == 200
    assert answer.json()["model"] == "multivariate"


def test_a_body_is_no_request_because_another_protocol_was_offered(peer: Connection) -> None:
    """A request inside the body is data."""
    peer.send_raw(request("POST", "/predict", **OFFER).replace(b"length: 0", b"length: %d" % len(PING)))
    read_by_now(peer)
    peer.send_raw(PING)
    assert peer.receive().status == 400
    peer.send_raw(PING)
    assert peer.receive().body == b'{"ping":"pong"}'


@pytest.mark.parametrize("message", [PREDICT, PING, PREDICT + PING], ids=["predict", "ping", "both"])
def test_a_client_that_never_reads_takes_no_memory_for_what_it_sends(server: Server, message: bytes) -> None:
    (process,) = psutil.Process(server.process.pid).children()
    before = process.memory_info().rss
    some = message * (100_000 // len(message))
    with Connection(server.url, timeout_s=1) as deaf, suppress(TimeoutError, ConnectionError):
        for _ in range(200):
            deaf.send_raw(some)
    assert process.memory_info().rss - before < 40_000_000


def test_a_long_request_behind_a_prediction_is_awaited(peer: Connection, tmp_path: Path) -> None:
    """Longer than the idle timeout, which the prediction's response has not started."""
    with gate(tmp_path) as pipe:
        peer.send_raw(PREDICT + fit_at(pipe))
        assert peer.receive().status == 200
        pipe.wait_for_fit()
        time.sleep(KEEP_ALIVE_S + 0.5)
    assert peer.receive().status == 200


@pytest.mark.parametrize("before", [PING, PREDICT], ids=["ping", "predict"])
def test_a_body_that_does_not_come_is_a_408_behind_other_requests_too(peer: Connection, before: bytes) -> None:
    peer.send_raw(before + PREDICT[: -len(ROW)])
    assert [peer.receive().status, peer.receive().status] == [200, 408]


def test_a_request_that_is_answered_before_its_body_leaves_an_idle_connection(peer: Connection) -> None:
    """It may stay idle as long as any other."""
    peer.send_raw(request("POST", "/nothing", b"x" * 300_000))
    assert peer.receive().status == 404
    assert ended_after_s(peer) > KEEP_ALIVE_S - 1


@pytest.mark.parametrize("after", [b"garbage\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"x" * 40_000], ids=["400", "431"])
def test_requests_before_garbage_are_answered_first(peer: Connection, tmp_path: Path, after: bytes) -> None:
    """The last response says that the connection is closed."""
    with gate(tmp_path) as pipe:
        peer.send_raw(fit_at(pipe))
        pipe.wait_for_fit()
        peer.send_raw(after)
        read_by_now(peer)
    answer = peer.receive()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert ended_after_s(peer) < 1


@pytest.mark.parametrize("path", ["/predict", "/fit"])
@pytest.mark.parametrize("together", [True, False], ids=["whole", "apart"])
def test_a_length_of_thousands_of_digits_is_refused(server: Server, path: str, *, together: bool) -> None:
    message = request("POST", path, ROW).replace(b"content-length: ", b"content-length: " + b"0" * 5000)
    with Connection(server.url, timeout_s=20) as peer:
        head = len(message) - len(ROW)
        peer.send_raw(message if together else message[:head])
        if not together:
            read_by_now(peer)
            peer.send_raw(message[head:])
        assert peer.receive().status == 400
    assert not re.search(r"Traceback|ValueError", server.log.read_text())


def test_a_prediction_interrupted_by_a_stop_is_answered(tmp_path: Path) -> None:
    """Its body had not yet arrived."""
    with web(tmp_path, WEB_CONCURRENCY="1", GUNICORN_CMD_ARGS="--graceful-timeout 3") as server:
        with Connection(server.url, timeout_s=30) as peer:
            assert peer.ask("POST", "/fit").status == 200
            peer.send_raw(PREDICT[: -len(ROW)])
            read_by_now(peer)
            server.process.terminate()
            answer = peer.receive()
        assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json")
        until(lambda: server.process.poll() is not None, "the end of the server")
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("target", ["/", "/ping", "t:443"])
def test_a_connect_is_refused_once_and_is_the_last(peer: Connection, target: str) -> None:
    """Data behind a CONNECT are not HTTP, and are not read."""
    peer.send_raw(b"CONNECT %b HTTP/1.1\r\nhost: t\r\n\r\n" % target.encode() + PING)
    assert peer.receive().status in {400, 404, 405}
    assert ended_after_s(peer) < 1


@pytest.mark.parametrize(
    "line", [b"GET /fit?target=gr\xc3\xb6\xc3\x9fe HTTP/1.1", b"BREW / HTTP/1.1", b"GET / HTTP/9.9", b"\x16\x03\x01"]
)
def test_garbage_is_a_problem_document_too(peer: Connection, line: bytes) -> None:
    peer.send_raw(line + b"\r\nhost: t\r\n\r\n")
    answer = peer.receive()
    assert answer.status == 400
    problem = answer.json()
    assert (problem["type"], problem["status"]) == ("urn:trinity:malformed", 400)
    assert "percent-encode" in problem["detail"]


def test_a_head_that_is_too_long_is_a_problem_document_too(peer: Connection) -> None:
    peer.send_raw(b"GET / HTTP/1.1\r\nhost: t\r\nx: " + b"x" * 40_000)
    answer = peer.receive()
    assert answer.status == answer.json()["status"] == 431


@pytest.mark.parametrize("path", ["/ping", "/predict"])
@pytest.mark.parametrize("piece", [b"a:b\r\n" * 1_000, b"x" * 6_000], ids=["many", "one"])
def test_trailers_are_bounded_as_heads_are(peer: Connection, path: str, piece: bytes) -> None:
    peer.send_raw(b"POST %b HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: " % path.encode())
    sent = 0
    with suppress(ConnectionError):
        while sent < 1_000_000:
            peer.send_raw(piece)
            sent += len(piece)
            read_by_now(peer)
    assert sent < 100_000


def test_a_client_that_reads_nothing_is_disconnected(server: Server) -> None:
    """Its requests are dropped as well."""
    with Connection(server.url, timeout_s=10) as deaf:
        deaf.send_raw(b"GET /openapi.json HTTP/1.1\r\nhost: t\r\n\r\n" * 900)
        until(lambda: not connected(deaf.address[1]), "the end of the connection")


def connected(port: int) -> bool:
    """Whether this process has a connection to a server on this port."""
    return any(
        each.status == psutil.CONN_ESTABLISHED and each.raddr and each.raddr.port == port
        for each in psutil.Process().net_connections("tcp")
    )


def test_a_trailer_is_no_header(peer: Connection) -> None:
    """A trailer cannot set the type of the body or the key of the caller."""
    chunks = b"%x\r\n%b\r\n0\r\ncontent-type: application/json\r\n\r\n" % (len(ROW), ROW)
    peer.send_raw(
        b"POST /predict HTTP/1.1\r\nhost: t\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n" + chunks
    )
    assert peer.receive().status == 415
    peer.send_raw(PREDICT)
    assert peer.receive().status == 200


def test_large_chunks_are_no_trailers(peer: Connection) -> None:
    """Wherever the data are split: behind the size of a chunk or inside it."""
    rows = b'{"data":{"X":[' + b",".join([b"[0.5]"] * 20_000) + b"]}}"
    peer.send_raw(
        b"POST /predict HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    size = 50_000
    for start in range(0, len(rows), size):
        chunk = rows[start : start + size]
        peer.send_raw(b"%x\r\n" % len(chunk))
        read_by_now(peer)
        peer.send_raw(chunk + b"\r\n")
    peer.send_raw(b"0\r\n\r\n")
    assert peer.receive().status == 200


@pytest.mark.parametrize("head", [b"GET /ping HTTP/2.0\r\nhost: t\r\n\r\n", b"GET /ping\r\n\r\n"], ids=["2.0", "0.9"])
def test_other_versions_are_refused(peer: Connection, head: bytes) -> None:
    peer.send_raw(head)
    assert peer.receive().status == 400


@pytest.mark.parametrize(
    "head",
    [
        b"GET /ping HTTP/1.1\r\nhost: t\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n",
        b"GET /ping HTTP/1.0\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ],
    ids=["close", "1.0"],
)
def test_an_offer_on_a_connection_that_ends_is_answered(peer: Connection, head: bytes) -> None:
    peer.send_raw(head)
    assert peer.receive().status == 200
    assert ended_after_s(peer) < 1


def test_each_request_before_garbage_gets_its_response(peer: Connection, tmp_path: Path) -> None:
    """In order, and nothing else; the garbage is not read further."""
    garbage = b"POST /predict HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n"
    with gate(tmp_path) as pipe:
        peer.send_raw(fit_at(pipe) + PING + garbage)
        pipe.wait_for_fit()
        peer.send_raw(b"\0" * 100_000)
        read_by_now(peer)
    answers = [peer.receive(), peer.receive()]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[1].json() == {"ping": "pong"}
    assert ended_after_s(peer) < 1
