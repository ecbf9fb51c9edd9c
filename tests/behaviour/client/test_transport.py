"""Tries, pauses and deadlines of the client's HTTP, and the errors that responses become."""

import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app import client as trinity
from app.client.transport import MAX_LOST_TRIES, Deadline, OutgoingRequest, Transport, decode_response, retry_after_s
from app.errors import TrinityError
from tests.support.scripted_server import Answer, scripted
from tests.support.servers import free_port

OK = Answer(200, '{"fine": true}')
REQUEST = OutgoingRequest("POST", "/fit", headers={"Idempotency-Key": '"abc"'})


def sent(url: str, within_s: float = 60.0) -> tuple[Any, list[float]]:
    """The response's JSON, and the pauses before it."""
    pauses: list[float] = []
    transport = Transport(url, "secret", pauses.append)
    try:
        return transport.json(REQUEST, Deadline(within_s)), pauses
    finally:
        transport.close()


def problem(status: int, kind: str = "busy", **headers: str) -> Answer:
    document = {"type": f"urn:trinity:{kind}", "status": status, "detail": "so it is"}
    return Answer(status, json.dumps(document), {"Content-Type": "application/problem+json", **headers})


def test_a_busy_service_is_asked_again() -> None:
    """After Retry-After, or a short pause without it; each try has the same Idempotency-Key."""
    with scripted(problem(503, **{"Retry-After": "2"}), problem(429, "queue-full"), OK) as server:
        answer, pauses = sent(server.url)
    assert answer == {"fine": True}
    assert pauses[0] == 2
    assert 0 < pauses[1] < 1
    assert [asked["idempotency-key"] for asked in server.asked] == ['"abc"'] * 3
    assert {asked["authorization"] for asked in server.asked} == {"Bearer secret"}


def test_a_pause_beyond_the_deadline_is_an_error_at_once() -> None:
    """The client does not sleep through it."""
    with scripted(problem(503, **{"Retry-After": "300"})) as server, pytest.raises(trinity.Refused) as refused:
        sent(server.url, within_s=5)
    assert (refused.value.status, refused.value.detail) == (503, "so it is")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem(422, "invalid"), trinity.Invalid),
        (problem(504, "timeout"), trinity.TimedOut),
        (problem(500, "worker-lost"), trinity.WorkerLost),
        (problem(401, "unauthenticated"), trinity.Unauthenticated),
        (problem(418, "of-the-future"), trinity.TrinityError),
        (Answer(500, "<html>"), trinity.TrinityError),
        (Answer(200, "<html>"), trinity.TrinityError),
        (Answer(500, '{"status": "error", "errors": ["x"]}'), trinity.TrinityError),
        (Answer(500, '{"errors": 7}'), trinity.TrinityError),
    ],
)
def test_final_responses_are_not_retried(answer: Answer, error: type[Exception]) -> None:
    """The error has the HTTP status, whatever the body says."""
    with scripted(answer) as server, pytest.raises(error) as caught:
        sent(server.url)
    assert len(server.asked) == 1
    assert isinstance(caught.value, trinity.TrinityError)
    assert caught.value.status == answer.status


@pytest.mark.parametrize(
    "lost", [lambda status: Answer(status, "<html>"), lambda status: problem(status, "unavailable")]
)
def test_a_proxy_that_lost_its_server_is_asked_again(lost: Callable[[int], Answer]) -> None:
    """Its 502 and 504 say nothing about the job, even as the problem documents of this project's nginx."""
    with scripted(lost(502), lost(504), OK) as server:
        assert sent(server.url)[0] == {"fine": True}


def test_a_failed_job_is_not_submitted_again() -> None:
    """Even if the failure may pass: the same key would return the same job."""
    ended = problem(503, "unavailable", **{"Content-Location": "/jobs/1f", "Retry-After": "1"})
    with (
        scripted(ended) as server,
        trinity.Client(server.url) as client,
        pytest.raises(trinity.Refused, match="so it is") as refused,
    ):
        client.submit("fit")
    assert (refused.value.job_id, len(server.asked)) == ("1f", 1)


def test_no_server() -> None:
    """After a number of tries, an error that is also a ConnectionError."""
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ConnectionError, match=f"did not respond after {MAX_LOST_TRIES} tries") as unreachable:
        sent(url)
    assert isinstance(unreachable.value, trinity.Unreachable)
    with pytest.raises(trinity.Unreachable, match="after 1 try"), trinity.Client(url) as client:
        client.health()


CALLS: list[Callable[[trinity.Client], object]] = [
    lambda client: client.models(),
    lambda client: client.models("polynomial"),
    lambda client: client.version("polynomial"),
    lambda client: list(client.jobs()),
    lambda client: client.job("1f"),
    lambda client: client.submit("fit"),
    lambda client: client.health(),
]


@pytest.mark.parametrize("call", CALLS)
def test_another_service_is_recognised(call: Callable[[trinity.Client], object]) -> None:
    """Even if it responds in JSON."""
    with (
        scripted(Answer(200, '{"fine": true}', {"Content-Type": "application/json"})) as server,
        trinity.Client(server.url) as client,
        pytest.raises(trinity.TrinityError, match="is not from a Trinity"),
    ):
        call(client)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("localhost:5000", None),
        ("ftp://PASSW@localhost", None),
        ("http://PASSW@a..b", None),
        ("http://localhost:PASSW", None),
        ("http://x:12#PASSW@localhost", None),
        ("http://x:1/PASSW@localhost", None),
        ("http://localhost", "PASSW\nPASSW"),
        ("http://localhost", "PASSWé"),
    ],
)
def test_a_url_or_key_that_is_not_valid_is_refused_at_once(url: str, key: str | None) -> None:
    """Nothing is sent, and the message does not quote it."""
    with pytest.raises(ValueError, match=r"^the (URL|key) ") as refused:
        trinity.Client(url, key)
    assert "PASSW" not in str(refused.value)


def test_no_password_of_a_url_is_shown() -> None:
    """Neither by repr nor in the error of a missing server."""
    with trinity.Client(f"http://x:PASSW@127.0.0.1:{free_port()}") as client:
        with pytest.raises(trinity.Unreachable) as unreachable:
            client.health()
        assert "PASSW" not in f"{client!r} {unreachable.value}"


def test_retry_after_may_be_a_date() -> None:
    """RFC 9110 §10.2.3."""
    date = httpx.Response(503, headers={"Retry-After": "Sat, 21 Nov 2026 12:00:30 GMT"})
    assert retry_after_s(date, lambda: datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)) == 30
    for neither in ("soon", "Sat, 21 Nov 2026 12:00:30 -0000"):
        assert retry_after_s(httpx.Response(503, headers={"Retry-After": neither})) is None


def test_a_problem_becomes_an_error_with_pointers() -> None:
    """Each bad value has its pointer; the error of a job has its id."""
    document = {
        "type": "urn:trinity:invalid",
        "status": 422,
        "detail": "no",
        "errors": [{"pointer": "/a", "detail": "b"}],
    }
    with pytest.raises(ValueError, match="no") as invalid:
        decode_response(httpx.Response(422, json=document), "1f")
    assert isinstance(invalid.value, trinity.Invalid)
    assert (invalid.value.pointers, invalid.value.job_id) == (["/a"], "1f")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("invalid", trinity.Invalid),
        ("not-fitted", trinity.NotFitted),
        ("timeout", trinity.TimedOut),
        ("conflict", trinity.Conflict),
        ("damaged", trinity.Damaged),
        ("queue-full", trinity.Refused),
        ("of a later release", trinity.Refused),
    ],
)
def test_a_problem_is_the_services_error(kind: str, expected: type[Exception]) -> None:
    """By its kind; one that the client does not know is a refusal by 429 and 503."""
    with pytest.raises(TrinityError, match="no") as raised:
        decode_response(httpx.Response(503, json={"type": f"urn:trinity:{kind}", "detail": "no"}))
    assert (type(raised.value), raised.value.status) == (expected, 503)
    assert pickle.loads(pickle.dumps(raised.value)).status == 503  # noqa: S301  our own bytes


def predicted(*y: float, version: int) -> Answer:
    """The envelope of a finished prediction."""
    envelope = {"id": "1f", "verb": "predict", "model": "polynomial", "version": version}
    ended = {"status": "SUCCESS", "result": {"y": y}, "error": None, "created": "", "links": {}}
    return Answer(200, json.dumps(envelope | ended))


def test_rows_split_after_a_413_are_predicted_by_one_version() -> None:
    """After the 413 the version is looked up, and every part names it."""
    answers = problem(413, "too-large"), predicted(1, version=7), predicted(1, version=7), predicted(2, version=7)
    with scripted(*answers) as server, trinity.Client(server.url) as client:
        assert client.predict([[1.0], [2.0]]).tolist() == [1, 2]
    assert [json.loads(body).get("version") for body in server.bodies] == [None, None, 7, 7]


def test_no_key_is_shown_or_pickled() -> None:
    """A copy in the same process is the same client."""
    with trinity.Client("http://localhost:1", key="secret") as client:
        assert "secret" not in repr(client)
        assert b"secret" not in pickle.dumps(client)
        assert pickle.loads(pickle.dumps(client)) is client  # noqa: S301  our own bytes
