"""Webhooks of a whole Trinity: the end of a job is delivered to the URL in its request."""

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
    """A receiver that accepts every message."""
    with receiving(status(204)) as running:
        yield running


@pytest.fixture(scope="module")
def calling(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A Trinity that may call this receiver, and no other private address."""
    settings = {"TRINITY_WEBHOOK_SECRET": SECRET, "TRINITY_WEBHOOK_HOSTS": f"127.0.0.1:{receiver.port}"}
    with trinity("redis", tmp_path_factory.mktemp("calling"), **settings) as running:
        yield running


@contextmanager
def logged(api: Api) -> Iterator[None]:
    """Show the servers' logs when the test fails."""
    try:
        yield
    except BaseException:
        print(api.log())
        raise


def delivered(receiver: Receiver, job_id: str) -> Received:
    """The message about a job, once it has arrived."""

    def messages() -> list[Received]:
        return [got for got in receiver.received if json.loads(got.body)["data"]["id"] == job_id]

    until(lambda: bool(messages()), f"the message about {job_id}", WAIT_S)
    (only,) = messages()
    return only


def checked(got: Received) -> Json:
    """The message, after a check of its signature as Standard Webhooks defines it."""
    name, stamp = got.headers["webhook-id"], got.headers["webhook-timestamp"]
    digest = hmac.digest(KEY, f"{name}.{stamp}.".encode() + got.body, hashlib.sha256)
    assert got.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    return json.loads(got.body)


def hooked(receiver: Receiver, **body: Json) -> Json:
    """A request with the receiver's URL."""
    return {**body, "webhook": {"url": receiver.url()}}


@pytest.mark.parametrize("prefer", ["respond-async", f"wait={WAIT_S}"])
def test_the_end_of_a_job_is_delivered(calling: Api, receiver: Receiver, prefer: str) -> None:
    """The message is signed and has the job's envelope, for every verb, however the request was answered."""
    with logged(calling):
        for verb in ("fit", "predict", "score"):
            envelope = calling.finished(calling.post(verb, hooked(receiver), headers={"Prefer": prefer}))
            message = checked(delivered(receiver, envelope["id"]))
            assert message["type"] == "job.succeeded"
            assert message["data"] == calling.http.get(f"/jobs/{envelope['id']}").json()
            assert message["data"]["verb"] == verb


def test_a_failure_is_delivered(calling: Api, receiver: Receiver) -> None:
    """The envelope has the problem."""
    with logged(calling):
        body = hooked(receiver, model="raising", data={"X": [[1.0]], "y": [1.0]})
        envelope = calling.finished(calling.post("fit", body, headers={"Prefer": "respond-async"}))
        message = checked(delivered(receiver, envelope["id"]))
        assert (message["type"], message["data"]["status"]) == ("job.failed", "FAILURE")
        assert message["data"]["error"] == envelope["error"]


def test_a_cancelled_job_is_delivered(calling: Api, receiver: Receiver, tmp_path: Path) -> None:
    """When it runs again, its next end is delivered as well."""
    with logged(calling), gate(tmp_path) as closed:
        location = calling.post("fit", hooked(receiver, **closed.body())).headers["Location"]
        closed.wait_for_fit()
        calling.http.delete(location)
        job_id = location.removeprefix("/jobs/")
        message = checked(delivered(receiver, job_id))
        assert (message["type"], message["data"]["status"]) == ("job.revoked", "REVOKED")
        until(closed.nobody_waits, "the fit to be ended")
        assert calling.http.post(f"{location}/retry").status_code == 202
        closed.wait_for_fit()
        closed.open()
        until(lambda: json.loads(receiver.received[-1].body)["type"] == "job.succeeded", "the second end")
        assert checked(receiver.received[-1])["data"]["id"] == job_id


def test_an_address_that_is_not_allowed_is_refused(calling: Api, receiver: Receiver) -> None:
    """At once, with a pointer to it, and nothing is called."""
    body = {"webhook": {"url": "http://127.0.0.1:9/"}}
    assert pointers(problem(calling.post("fit", body), 422)) == ["/webhook/url"]
