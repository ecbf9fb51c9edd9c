"""Events of the registry of a whole Trinity: new versions and moved aliases are told to the URL of the settings."""

import json
from collections.abc import Iterator

import pytest

from tests.behaviour.test_registry import fits, put
from tests.behaviour.test_webhooks import SECRET, checked
from tests.support.api import MODES, WAIT_S, Api
from tests.support.receiver import Received, Receiver, receiving, status
from tests.support.servers import until
from tests.support.trinity import trinity

MODEL = "multivariate"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A receiver that accepts every message."""
    with receiving(status(204)) as running:
        yield running


@pytest.fixture(scope="module", params=MODES[:2])
def telling(
    receiver: Receiver, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """A Trinity in sync mode and over Redis that tells this receiver."""
    settings = {"TRINITY_WEBHOOK_SECRET": SECRET, "TRINITY_EVENTS_URL": receiver.url()}
    with trinity(request.param, tmp_path_factory.mktemp("telling"), **settings) as running:
        receiver.received.clear()
        fits(running, 1)
        about(receiver, 1)
        yield running


def about(receiver: Receiver, count: int) -> list[Received]:
    """The messages, once so many have arrived."""
    until(lambda: len(receiver.received) >= count, f"{count} messages", WAIT_S)
    return list(receiver.received)


def test_versions_and_moves_are_told(telling: Api, receiver: Receiver) -> None:
    """Each once, signed, in their order."""
    before = len(receiver.received)
    two, three = fits(telling, 2, 3)
    put(telling, "champion", two)
    put(telling, "champion", three, if_version=two, why="rollback")
    telling.http.delete(f"/models/{MODEL}/aliases/champion")
    messages = [checked(got) for got in about(receiver, before + 5)]
    told = [(each["type"], each["data"]) for each in messages[before:]]
    assert told == [
        ("version.created", {"model": MODEL, "version": two, "by": ""}),
        ("version.created", {"model": MODEL, "version": three, "by": ""}),
        *(
            ("alias.moved", {"model": MODEL, "alias": "champion", "from": old, "to": new, "why": why, "by": ""} | at)
            for (old, new, why), at in zip(
                [(None, two, "request"), (two, three, "rollback"), (three, None, "request")],
                [{"at": each["timestamp"]} for each in messages[-3:]],
                strict=True,
            )
        ),
    ]
    ids = [got.headers["webhook-id"] for got in receiver.received]
    assert len(set(ids)) == len(ids)
    assert all(b"Trinity" in got.headers["user-agent"].encode() for got in receiver.received)
    assert json.loads(receiver.received[-1].body)["type"] == "alias.moved"


def test_metrics_say_which_version_serves(telling: Api) -> None:
    """For each alias of each model; an alias that is removed is gone."""
    (newest,) = fits(telling, 4)
    put(telling, "champion", newest)
    lines = telling.http.get("/metrics").text.splitlines()
    for alias in ("champion", "latest"):
        assert f'trinity_model_alias_info{{alias="{alias}",model="{MODEL}",version="{newest}"}} 1.0' in lines
    telling.http.delete(f"/models/{MODEL}/aliases/champion")
    assert 'alias="champion"' not in telling.http.get("/metrics").text
