"""Webhooks of a whole Trinity: the end of a job is told to the receiver that its request named."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.api import WAIT_S, Api, Json, gate, pointers, problem
from tests.support.receiver import Received, Receiver, receiving, status
from tests.support.servers import until
from tests.support.trinity import trinity

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Somebody who takes every message."""
    with receiving(status(204)) as running:
        yield running


@pytest.fixture(scope="module")
def telling(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A Trinity that may call this receiver, and no other private address."""
    settings = {"TRINITY_WEBHOOK_SECRET": SECRET, "TRINITY_WEBHOOK_HOSTS": f"127.0.0.1:{receiver.port}"}
    with trinity("redis", tmp_path_factory.mktemp("telling"), **settings) as running:
        yield running


@contextmanager
def logged(api: Api) -> Iterator[None]:
    """Show the servers' logs when the test fails."""
    try:
        yield
    except BaseException:
        print(api.log())
        raise


def told(receiver: Receiver, job_id: str) -> Received:
    """The message about a job, once it is there."""

    def messages() -> list[Received]:
        return [got for got in receiver.received if json.loads(got.body)["data"]["id"] == job_id]

    until(lambda: bool(messages()), f"the message about {job_id}", WAIT_S)
    (only,) = messages()
    return only


def checked(got: Received) -> Json:
    """The message, after its signature was checked as Standard Webhooks has it."""
    name, stamp = got.headers["webhook-id"], got.headers["webhook-timestamp"]
    digest = hmac.digest(KEY, f"{name}.{stamp}.".encode() + got.body, hashlib.sha256)
    assert got.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    return json.loads(got.body)


def hooked(receiver: Receiver, **body: Json) -> Json:
    """A request that names the receiver."""
    return {**body, "webhook": {"url": receiver.url()}}


@pytest.mark.parametrize("prefer", ["respond-async", f"wait={WAIT_S}"])
def test_the_end_of_a_job_is_told(telling: Api, receiver: Receiver, prefer: str) -> None:
    """Signed, with the envelope that the job has: of every verb, and however the request was answered."""
    with logged(telling):
        for verb in ("fit", "predict", "score"):
            envelope = telling.finished(telling.post(verb, hooked(receiver), headers={"Prefer": prefer}))
            message = checked(told(receiver, envelope["id"]))
            assert message["type"] == "job.succeeded"
            assert message["data"] == telling.http.get(f"/jobs/{envelope['id']}").json()
            assert message["data"]["verb"] == verb


def test_a_failure_is_told(telling: Api, receiver: Receiver) -> None:
    """With its problem."""
    with logged(telling):
        body = hooked(receiver, model="raising", data={"X": [[1.0]], "y": [1.0]})
        envelope = telling.finished(telling.post("fit", body, headers={"Prefer": "respond-async"}))
        message = checked(told(receiver, envelope["id"]))
        assert (message["type"], message["data"]["status"]) == ("job.failed", "FAILURE")
        assert message["data"]["error"] == envelope["error"]


def test_a_cancelled_job_is_told_of(telling: Api, receiver: Receiver, tmp_path: Path) -> None:
    """By whoever cancelled it; when it runs again, its next end is told as well."""
    with logged(telling), gate(tmp_path) as closed:
        location = telling.post("fit", hooked(receiver, **closed.body())).headers["Location"]
        closed.wait_for_fit()
        telling.http.delete(location)
        job_id = location.removeprefix("/jobs/")
        message = checked(told(receiver, job_id))
        assert (message["type"], message["data"]["status"]) == ("job.revoked", "REVOKED")
        until(closed.nobody_waits, "the fit to be ended")
        assert telling.http.post(f"{location}/retry").status_code == 202
        closed.wait_for_fit()
        closed.open()
        until(lambda: json.loads(receiver.received[-1].body)["type"] == "job.succeeded", "the second end")
        assert checked(receiver.received[-1])["data"]["id"] == job_id


def test_an_address_that_nobody_named_is_refused(telling: Api, receiver: Receiver) -> None:
    """At once, pointing to it, and nobody is called."""
    body = {"webhook": {"url": "http://127.0.0.1:9/"}}
    assert pointers(problem(telling.post("fit", body), 422)) == ["/webhook/url"]
