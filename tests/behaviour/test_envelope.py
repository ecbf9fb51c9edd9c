"""The one envelope of every response, and the header Prefer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.api import KEYS, WAIT_S, Api, Json, only_inline, only_queued

VERBS = ["fit", "predict", "score"]


def moment(text: str) -> datetime:
    """An RFC 3339 time in UTC."""
    parsed = datetime.fromisoformat(text)
    assert parsed.utcoffset() == timedelta(0)
    return parsed


@pytest.fixture(autouse=True)
def _fitted_model(api: Api) -> None:
    """Predict and score need a fit."""
    if not api.http.get("/models/polynomial").json()["versions"]:
        api.result("fit")


@pytest.mark.parametrize("verb", VERBS)
def test_finished_envelope(api: Api, verb: str) -> None:
    """A finished envelope has every key, no error, and times in their order."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    envelope = api.call(verb)
    assert set(envelope) == KEYS
    assert (envelope["verb"], envelope["model"], envelope["status"]) == (verb, "polynomial", "SUCCESS")
    assert isinstance(envelope["id"], str)
    assert isinstance(envelope["version"], int)
    assert isinstance(envelope["links"], dict)
    assert envelope["error"] is None
    created, started, finished = (moment(envelope[key]) for key in ("created", "started", "finished"))
    assert before <= created <= started <= finished <= datetime.now(UTC) + timedelta(seconds=1)


@pytest.mark.parametrize("verb", VERBS)
def test_links_can_be_followed(api: Api, verb: str) -> None:
    """GET on every link of an envelope succeeds."""
    for name, link in api.call(verb)["links"].items():
        assert api.http.get(link).status_code == 200, name


def test_every_call_has_its_own_id(api: Api) -> None:
    """Two equal requests are two calls."""
    assert api.call("predict")["id"] != api.call("predict")["id"]


@only_inline
@pytest.mark.parametrize("prefer", [None, "respond-async", "wait=0", "wait=5"])
def test_sync_answers_at_once(api: Api, prefer: str | None) -> None:
    """Sync mode has no queue: every preference gets 200 with the result, without Preference-Applied."""
    answer = api.post("predict", headers={"Prefer": prefer} if prefer else {})
    assert answer.status_code == 200
    assert "respond-async" not in answer.headers.get("Preference-Applied", "")
    assert "Location" not in answer.headers
    assert answer.json()["status"] == "SUCCESS"


@only_queued
@pytest.mark.parametrize("verb", VERBS)
def test_queued_answers_202(api: Api, verb: str) -> None:
    """Async mode answers 202 with a pending envelope, Location and Retry-After; the job then holds the result."""
    answer = api.post(verb)
    assert answer.status_code == 202
    envelope = answer.json()
    assert set(envelope) == KEYS | {"position"}
    assert envelope["verb"] == verb
    assert envelope["status"] == "PENDING"
    assert envelope["position"] >= 1
    assert (envelope["result"], envelope["error"], envelope["finished"]) == (None, None, None)
    assert answer.headers["Location"] == f"/jobs/{envelope['id']}"
    assert int(answer.headers["Retry-After"]) >= 0
    finished = api.finished(answer)
    assert (finished["id"], finished["created"], finished["status"]) == (envelope["id"], envelope["created"], "SUCCESS")


@only_queued
def test_respond_async_is_applied(api: Api) -> None:
    """Prefer: respond-async is honoured, and Preference-Applied says so."""
    answer = api.post("predict", headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    assert "respond-async" in answer.headers["Preference-Applied"]
    api.finished(answer)


@only_queued
@pytest.mark.parametrize(
    "prefer", [f"wait={WAIT_S}", f"respond-async, wait={WAIT_S}", f"WAIT={WAIT_S}", f"wait = {WAIT_S}"]
)
def test_wait_is_applied(api: Api, prefer: str) -> None:
    """Prefer: wait=S waits for the result and answers 200."""
    answer = api.post("predict", headers={"Prefer": prefer})
    assert answer.status_code == 200
    assert f"wait={WAIT_S}" in answer.headers["Preference-Applied"]
    assert answer.json()["status"] == "SUCCESS"


NONSENSE: list[Any] = [
    "",
    ",",
    "wait",
    "wait=",
    "wait=abc",
    "wait=-1",
    "wait=1e9",
    "wait=\u00b2",
    "=",
    ";;;",
    "wait=5=5",
    "tea",
]


@pytest.mark.parametrize("prefer", NONSENSE)
def test_preferences_that_are_not_valid_are_ignored(api: Api, prefer: str) -> None:
    """RFC 7240 requires it."""
    answer = api.post("predict", headers={"Prefer": prefer.encode("latin-1")})
    assert answer.status_code == (202 if api.queued else 200)
    assert "Preference-Applied" not in answer.headers
    api.finished(answer)


@pytest.mark.parametrize("prefer", ["wait=999999999", "wait=99999999999999999999999"])
def test_long_waits_are_cut(api: Api, prefer: str) -> None:
    """A longer wait than the service allows is shortened, and is no error."""
    finished: Json = api.finished(api.post("predict", headers={"Prefer": prefer}))
    assert finished["status"] == "SUCCESS"
