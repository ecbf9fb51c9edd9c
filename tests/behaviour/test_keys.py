"""API keys on real servers: what each scope may do in either mode, and the connection after a refusal."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from app.api_keys import new_key
from tests.support.api import MODES, Api, problem
from tests.support.trinity import trinity

HELD = {name: new_key(name, scopes) for name, scopes in (("reader", "read"), ("caller", "predict"), ("fitter", "fit"))}
LARGE = 4_000_000


@pytest.fixture(scope="module", params=MODES[:2])
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A Trinity whose keys come from a file, in sync mode and over Redis, with a model fitted."""
    folder = tmp_path_factory.mktemp("guarded")
    entries = folder / "keys.txt"
    entries.write_text("\n".join(key.entry for _, key in HELD.values()))
    with trinity(request.param, folder, TRINITY_API_KEYS_FILE=str(entries)) as api:
        answer = api.post("fit", headers=bearer("fitter"))
        assert answer.status_code in (200, 202)
        if api.queued:
            fitted = api.http.get(answer.headers["Location"], params={"wait": 30}, headers=bearer("fitter"))
            assert fitted.json()["status"] == "SUCCESS"
        yield api


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {HELD[name][0]}"}


@pytest.mark.parametrize("path", ["/ping", "/health/live", "/health/ready"])
def test_probes_are_open(guarded: Api, path: str) -> None:
    assert guarded.http.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/", "/models", "/models/polynomial", "/jobs/1", "/nothing", "/ping/"])
def test_every_other_route_needs_a_key(guarded: Api, path: str) -> None:
    """A missing model is a 401 too, so a caller without a key learns nothing."""
    answer = guarded.http.get(path)
    assert problem(answer, 401)["type"] == "urn:trinity:unauthenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize("verb", ["fit", "predict", "score"])
def test_each_verb_needs_its_scope(guarded: Api, verb: str) -> None:
    """Also for small predictions."""
    holder = "fitter" if verb == "fit" else "caller"
    for name in HELD:
        answer = guarded.post(verb, {"data": {"source": "dummy"}}, headers=bearer(name))
        if name == holder:
            assert answer.status_code in (200, 202), answer.text
        else:
            assert problem(answer, 403)["type"] == "urn:trinity:forbidden"
            assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    problem(guarded.post(verb, {"data": {"X": [[0.5]]}}), 401)


def test_the_open_inference_protocol(guarded: Api) -> None:
    """Its probes are open, metadata needs read, infer needs predict; errors have the protocol's form."""
    assert guarded.http.get("/v2/health/live").status_code == guarded.http.get("/v2/health/ready").status_code == 200
    body = {"inputs": [{"name": "X", "shape": [1], "datatype": "FP64", "data": [0.5]}]}
    infer = "/v2/models/polynomial/infer"
    assert guarded.http.get("/v2/models/polynomial", headers=bearer("reader")).status_code == 200
    assert guarded.http.post(infer, json=body, headers=bearer("caller")).status_code == 200
    for answer, status in (
        (guarded.http.get("/v2"), 401),
        (guarded.http.post(infer, json=body), 401),
        (guarded.http.post(infer, json=body, headers=bearer("reader")), 403),
        (guarded.http.get("/v2/models/polynomial", headers=bearer("caller")), 403),
    ):
        assert answer.status_code == status and set(answer.json()) == {"error"}
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_the_scope_predict_may_read_its_job(guarded: Api) -> None:
    """But it may read no lists."""
    answer = guarded.post("predict", {"data": {"X": [[0.5]]}}, headers=bearer("caller"))
    if guarded.queued:
        job = guarded.http.get(answer.headers["Location"], params={"wait": 30}, headers=bearer("caller"))
        assert job.json()["status"] == "SUCCESS"
    problem(guarded.http.get("/models", headers=bearer("caller")), 403)


def test_the_version_names_the_key_that_asked_for_it(guarded: Api) -> None:
    """The name and never the key."""
    manifest = guarded.http.get("/models/polynomial/versions/1", headers=bearer("reader"))
    assert manifest.json()["by"] == "fitter"
    assert not any(secret in manifest.text for secret, _ in HELD.values())


def test_a_small_refusal_keeps_the_connection(guarded: Api) -> None:
    """The rest of a refused body is not read as the next request."""
    with socket.create_connection((guarded.http.base_url.host, guarded.http.base_url.port or 80), timeout=10) as peer:
        for _ in range(3):
            peer.sendall(b"POST /fit HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
            assert read_response(peer).startswith(b"HTTP/1.1 401 ")
            peer.sendall(b"GET ")  # the body, late
        peer.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_response(peer).startswith(b"HTTP/1.1 200 ")


def test_a_large_body_is_refused_at_its_head(guarded: Api) -> None:
    """Before any byte of the body, without 100 Continue, and the connection is closed."""
    head = b"POST /fit HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n" % LARGE
    with socket.create_connection((guarded.http.base_url.host, guarded.http.base_url.port or 80), timeout=10) as peer:
        peer.sendall(head)
        said = read_response(peer)
        assert said.startswith(b"HTTP/1.1 401 ")
        assert b"connection: close" in said
        while peer.recv(65_536):
            pass


def test_a_client_that_sends_the_body_still_reads_the_refusal(guarded: Api) -> None:
    """It gets no reset."""
    problem(httpx.post(f"{guarded.http.base_url}/fit", content=b" " * LARGE, timeout=30), 401)


def read_response(peer: socket.socket) -> bytes:
    """One response with a JSON body."""
    said = b""
    while not said.endswith(b"}"):
        piece = peer.recv(65_536)
        assert piece, said
        said += piece
    return said


def test_the_scope_fit_moves_aliases_and_removes_versions(guarded: Api) -> None:
    """The scope read looks at them; the history names the key that moved one."""
    path = "/models/polynomial/aliases/champion"
    for name in ("reader", "caller"):
        problem(guarded.http.put(path, json={"version": 1}, headers=bearer(name)), 403)
        problem(guarded.http.delete(path, headers=bearer(name)), 403)
        problem(guarded.http.delete("/models/polynomial/versions/1", headers=bearer(name)), 403)
        problem(guarded.http.delete("/models/polynomial", headers=bearer(name)), 403)
    assert guarded.http.put(path, json={"version": 1}, headers=bearer("fitter")).status_code == 200
    assert guarded.http.get(path, headers=bearer("reader")).json() == {"alias": "champion", "version": 1}
    problem(guarded.http.get(path, headers=bearer("caller")), 403)
    history = guarded.http.get("/models/polynomial/history", headers=bearer("reader")).json()["history"]
    assert (history[0]["why"], history[0]["by"]) == ("request", "fitter")
    assert guarded.http.delete(path, headers=bearer("fitter")).status_code == 200
