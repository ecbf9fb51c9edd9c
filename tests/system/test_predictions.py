"""Small predictions on the wire: in pipelines, in pieces, and alike whatever headers come with them."""

import re
from collections.abc import Iterator

import pytest

from app.api_keys import new_key
from tests.bench.http import Answer, Connection, request
from tests.support.servers import Server, until, web

ROW = b'{"data":{"X":[[0.5]]}}'
ZEROS = b'{"data":{"X":[[0],[0],[0],[0],[0]],"y":[0,0,0,0,0]}}'
PREDICT = request("POST", "/predict", ROW)
PREFERRED = request("POST", "/predict", ROW, prefer="wait=5")
VARYING = re.compile(rb'"(id|created|started|finished)":"[^"]+"')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    models = "app.model.models,tests.support.models"
    with web(tmp_path_factory.mktemp("predictions"), WEB_CONCURRENCY="1", TRINITY_MODELS=models) as served:
        with Connection(served.url) as connection:
            for name in ("polynomial", "raising", "picky"):
                assert connection.ask("POST", f"/models/{name}/fit", ZEROS).status == 200
        yield served


@pytest.fixture
def peer(server: Server) -> Iterator[Connection]:
    with Connection(server.url, timeout_s=10) as connection:
        yield connection


def constant_parts(answer: Answer) -> tuple[int, set[str], bytes]:
    """What of an answer doesn't vary from one to the next."""
    return answer.status, set(answer.headers), VARYING.sub(b"", answer.body)


def test_a_preference_changes_no_answer_that_is_there(peer: Connection) -> None:
    peer.send_raw(PREDICT + PREFERRED)
    plain, preferred = peer.receive(), peer.receive()
    assert plain.status == 200
    assert constant_parts(plain) == constant_parts(preferred)


def test_requests_sent_together_are_answered_in_their_order(peer: Connection) -> None:
    """Also in great number."""
    peer.send_raw(PREDICT + request("GET", "/ping") + PREDICT * 1500 + PREFERRED + PREDICT)
    answers = [peer.receive() for _ in range(1504)]
    assert [answer.status for answer in answers] == [200] * 1504
    assert [index for index, answer in enumerate(answers) if b'"verb":"predict"' not in answer.body] == [1]


@pytest.mark.parametrize("cut", [10, len(PREDICT) - len(ROW), len(PREDICT) - 1], ids=["head", "between", "body"])
def test_a_request_in_two_pieces_is_answered(peer: Connection, cut: int) -> None:
    for message in (PREDICT, PREDICT + PREDICT[:-1]):
        peer.send_raw(message[:cut])
        with Connection(f"http://{peer.address[0]}:{peer.address[1]}") as other:  # what was sent before is read by now
            assert other.ask("GET", "/ping").status == 200
        peer.send_raw(message[cut:])
        assert peer.receive().status == 200
    peer.send_raw(PREDICT[-1:])
    assert peer.receive().status == 200


def test_the_connection_closes_when_the_client_says_so(peer: Connection) -> None:
    peer.send_raw(request("POST", "/predict", ROW, connection="close"))
    answer = peer.receive()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    with pytest.raises(ConnectionError):
        peer.receive()


def test_a_request_id_comes_back(peer: Connection) -> None:
    assert peer.ask("POST", "/predict", ROW, x_request_id="mine-1").headers["x-request-id"] == "mine-1"
    assert peer.ask("POST", "/predict", ROW, x_request_id="no\tid").headers["x-request-id"] != "no\tid"


@pytest.mark.parametrize("body", [b"{", b'{"data":{"X":[["a"]]}}', b'{"model":"none"}'])
def test_what_is_wrong_is_refused_alike(peer: Connection, body: bytes) -> None:
    answer = peer.ask("POST", "/predict", body, content_type="application/json")
    assert answer.status == (400 if body == b"{" else 404 if b"none" in body else 422)
    assert constant_parts(answer) == constant_parts(peer.ask("POST", "/predict", body, prefer="wait=5"))
    assert peer.ask("POST", "/predict", ROW).status == 200


@pytest.mark.parametrize(("name", "status"), [("raising", 500), ("picky", 422)])
def test_a_prediction_that_fails_is_asked_for_once(server: Server, peer: Connection, name: str, status: int) -> None:
    line = f"predict of {name} raised"
    before = server.log.read_text().count(line)
    plain = peer.ask("POST", f"/models/{name}/predict", ROW)
    preferred = peer.ask("POST", f"/models/{name}/predict", ROW, prefer="wait=5")
    assert constant_parts(plain) == constant_parts(preferred)
    assert plain.status == status
    lines = 2 if status == 500 else 0
    until(lambda: server.log.read_text().count(line) - before >= lines, "the lines of the failures")
    assert server.log.read_text().count(line) - before == lines


def test_no_answer_without_a_key_that_suffices(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = [new_key(f"{scope}-only", scope) for scope in ("read", "fit", "predict")]
    (reading, _), (fitting, _), (asking, _) = made
    keys = ",".join(key.entry for _, key in made)
    with web(tmp_path_factory.mktemp("keys"), TRINITY_API_KEYS=keys) as server, Connection(server.url) as peer:
        assert peer.ask("POST", "/fit", x_api_key=fitting).status == 200
        assert peer.ask("POST", "/predict", ROW).status == 401
        assert peer.ask("POST", "/predict", ROW, x_api_key=reading).status == 403
        assert peer.ask("POST", "/predict", ROW, x_api_key=asking).status == 200
