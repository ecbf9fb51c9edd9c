"""Requests that are wrong as HTTP: routes, methods, content types, sizes, and names that leave their folder."""

import gzip
import socket
from collections.abc import Iterator

import msgspec
import pytest

from tests.support.api import Api, check_problem, problem
from tests.support.trinity import MAX_BODY_BYTES

ROOMY = b'{"data": {"source": "dummy"}}'


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/fit/nope",
        "/models/polynomial/nope",
        "/models/polynomial/versions/1/nope",
        "/%00",
        "/%ff",
        "/" + "x" * 5_000,
        "/..%2f..%2fetc%2fpasswd",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_routes(api: Api, no_job: None, method: str, path: str) -> None:
    """An unknown route is a 404 (a known route with another method a 405)."""
    answer = api.http.request(method, path)
    problem(answer, answer.status_code)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "name", ["nope", "..%2f..", "%2e%2e", "..%2fpolynomial", "polynomial%00", "x" * 3_000, "%F0%9F%8E%88", "a b"]
)
@pytest.mark.parametrize("tail", ["", "/versions/1", "/fit", "/predict", "/score"])
def test_unknown_models_in_the_path(api: Api, no_job: None, name: str, tail: str) -> None:
    """A name in the path is that of a model, or it is a 404."""
    method = "POST" if tail in ("/fit", "/predict", "/score") else "GET"
    problem(api.http.request(method, f"/models/{name}{tail}"), 404)


@pytest.mark.parametrize(
    "version", ["0", "-1", "1.5", "nope", "..%2f1", "..%2f..%2f..", "9" * 400, "%00", "1%20", "٣", "x" * 3_000]
)
def test_unknown_versions_in_the_path(api: Api, version: str) -> None:
    """A version in the path is an existing number or an alias, or it is a 404."""
    api.result("fit")
    problem(api.http.get(f"/models/polynomial/versions/{version}"), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/fit", "POST"),
        ("GET", "/predict", "POST"),
        ("PUT", "/score", "POST"),
        ("DELETE", "/fit", "POST"),
        ("PATCH", "/models/polynomial/fit", "POST"),
        ("GET", "/models/polynomial/predict", "POST"),
        ("POST", "/ping", "GET"),
        ("POST", "/", "GET"),
        ("DELETE", "/models", "GET"),
        ("PUT", "/models/polynomial", "GET"),
        ("PUT", "/models/polynomial/versions/1", "GET"),
        ("GET", "/models/polynomial/versions", "POST"),
        ("POST", "/models/polynomial/aliases/latest", "PUT"),
        ("POST", "/jobs/nope/result", "GET"),
    ],
)
def test_wrong_methods(api: Api, no_job: None, method: str, path: str, allowed: str) -> None:
    """A method that a route does not have is a 405 with Allow."""
    answer = api.http.request(method, path)
    problem(answer, 405)
    assert allowed in [each.strip() for each in answer.headers["Allow"].split(",")]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "image/png",
        "json",
        ";;",
    ],
)
def test_wrong_content_types(api: Api, no_job: None, content_type: str) -> None:
    """A body that is neither JSON nor CSV is a 415 that lists the accepted types; predict accepts npy too."""
    for verb, npy in (("fit", False), ("score", False), ("predict", True)):
        answer = api.http.post(f"/{verb}", content=ROOMY, headers={"Content-Type": content_type})
        assert ("application/x-npy" in problem(answer, 415)["detail"]) == npy


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_spellings_of_the_json_type(api: Api, content_type: str) -> None:
    """The media type may be in any case and have a charset."""
    answer = api.http.post("/fit", content=ROOMY, headers={"Content-Type": content_type})
    assert api.finished(answer)["status"] == "SUCCESS"


@pytest.mark.parametrize("verb", ["fit", "predict"])
@pytest.mark.parametrize("content_type", ["application/json", "text/csv"])
@pytest.mark.parametrize("coding", ["br", "nonsense", "identity, br", "gzip, br"])
def test_compressed_bodies(api: Api, no_job: None, verb: str, content_type: str, coding: str) -> None:
    """A content coding other than gzip is a 415 that names it."""
    headers = {"Content-Type": content_type, "Content-Encoding": coding}
    answer = api.http.post(f"/{verb}", content=gzip.compress(ROOMY), headers=headers)
    assert coding.rpartition(" ")[2] in problem(answer, 415)["detail"]
    assert answer.headers["Accept-Encoding"] == "gzip, identity"


@pytest.mark.parametrize("coding", ["gzip", "identity, GZIP"])
def test_bodies_packed_by_gzip(api: Api, coding: str) -> None:
    """They are unpacked, and read as if they had come so."""
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    assert api.finished(api.http.post("/fit", content=gzip.compress(ROOMY), headers=headers))["status"] == "SUCCESS"


def test_a_coding_only_in_the_header(api: Api) -> None:
    """A body that is not what its header says is malformed, also for a small prediction."""
    api.result("fit", {"model": "multivariate", "data": {"X": [[0], [1]], "y": [0, 1]}})
    row = {"model": "multivariate", "data": {"X": [[0.5]]}}
    problem(api.post("predict", row, headers={"Content-Encoding": "gzip"}), 400)


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_the_coding_identity(api: Api, coding: str) -> None:
    """It means an unchanged body, and is accepted."""
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    assert api.finished(api.http.post("/fit", content=ROOMY, headers=headers))["status"] == "SUCCESS"


def padded(size: int) -> bytes:
    """A good request of exactly this many bytes, mostly spaces."""
    return ROOMY[:-1] + b" " * (size - len(ROOMY)) + b"}"


def test_body_at_the_limit(api: Api) -> None:
    """A body of exactly the limit is accepted."""
    answer = api.http.post("/fit", content=padded(MAX_BODY_BYTES), headers={"Content-Type": "application/json"})
    assert api.finished(answer)["status"] == "SUCCESS"


@pytest.mark.parametrize("content_type", ["application/json", "text/csv"])
def test_body_over_the_limit(api: Api, no_job: None, content_type: str) -> None:
    """One byte more is a 413."""
    problem(
        api.http.post("/fit?target=y", content=padded(MAX_BODY_BYTES + 1), headers={"Content-Type": content_type}), 413
    )
    assert api.http.get("/ping").status_code == 200


def test_chunked_body_over_the_limit(api: Api, no_job: None) -> None:
    """A chunked body without a length is bounded too."""

    def chunks() -> Iterator[bytes]:
        whole = padded(MAX_BODY_BYTES + 1)
        for start in range(0, len(whole), 50_000):
            yield whole[start : start + 50_000]

    problem(api.http.post("/fit", content=chunks(), headers={"Content-Type": "application/json"}), 413)


def test_chunked_body_within_the_limit(api: Api) -> None:
    """A chunked body is read to its end."""
    answer = api.http.post("/fit", content=iter([ROOMY[:7], ROOMY[7:]]), headers={"Content-Type": "application/json"})
    assert api.finished(answer)["status"] == "SUCCESS"


@pytest.mark.parametrize("path", [b"/fit", b"/predict"])
@pytest.mark.parametrize("headers", [b"Content-Type: application/json\r\n", b"Expect: 100-continue\r\n"])
def test_a_length_over_the_limit(api: Api, no_job: None, path: bytes, headers: bytes) -> None:
    """It is refused before the body is sent or requested, and the connection is closed."""
    with connection(api) as peer:
        peer.sendall(b"POST %b HTTP/1.1\r\nHost: t\r\n%bContent-Length: 99999999999\r\n\r\n" % (path, headers))
        head, _, body = until_closed(peer).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close" in head
    assert b"\r\nx-request-id: " in head
    document = msgspec.json.decode(body)
    check_problem(document, 413)
    assert document["type"] == "urn:trinity:too-large"
    assert document["detail"] == f"the body has 99999999999 bytes or more, the limit is {MAX_BODY_BYTES}"


def test_a_body_over_the_limit_sent_to_its_end(api: Api, no_job: None) -> None:
    """A client that sends the whole body first reads the refusal, and gets no reset."""
    status, body = raw_post(api, b"Content-Length: 8000000\r\n\r\n" + padded(8_000_000))
    assert status == 413
    check_problem(msgspec.json.decode(body), 413)


def test_a_chunked_body_over_the_limit_sent_to_its_end(api: Api, no_job: None) -> None:
    """The same where the size shows in the middle of the body only."""
    body = padded(8_000_000)
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    status, answer = raw_post(api, chunked)
    assert status == 413
    check_problem(msgspec.json.decode(answer), 413)


@pytest.mark.parametrize("length", [b"-5", b"abc", b"1e3", b"5, 6", b"9" * 400])
def test_lengths_that_are_not_valid(api: Api, no_job: None, length: bytes) -> None:
    """A Content-Length that is no number is a 4xx, and the server continues."""
    status, _ = raw_post(api, b"Content-Type: application/json\r\nContent-Length: " + length + b"\r\n\r\n{}")
    assert 400 <= status < 500
    assert api.http.get("/ping").status_code == 200


def test_body_cut_short(api: Api, no_job: None) -> None:
    """A client that closes before it has sent the announced length starts no work."""
    with connection(api) as peer:
        peer.sendall(
            b"POST /fit HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n" + ROOMY
        )
    assert api.http.get("/ping").status_code == 200


def test_two_lengths(api: Api, no_job: None) -> None:
    """A length together with chunks (request smuggling) does not get a 200 or 202."""
    head = b"Content-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    status, _ = raw_post(api, head + b"0\r\n\r\nPOST /fit HTTP/1.1\r\nHost: t\r\n\r\n")
    assert status >= 400


def connection(api: Api) -> socket.socket:
    """A plain connection."""
    return socket.create_connection((api.http.base_url.host, api.http.base_url.port or 80), timeout=10)


def raw_post(api: Api, rest: bytes) -> tuple[int, bytes]:
    """Status and body of the response to a plain POST /fit with these headers and body."""
    with connection(api) as peer:
        peer.sendall(b"POST /fit HTTP/1.1\r\nHost: t\r\nConnection: close\r\n" + rest)
        head, _, body = until_closed(peer).partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def until_closed(peer: socket.socket) -> bytes:
    """Everything that the server sends until it closes the connection."""
    said = b""
    while received := peer.recv(65_536):
        said += received
    return said
