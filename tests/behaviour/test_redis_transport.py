"""Values in a Redis lane that are no messages: none ends or blocks a worker.

RabbitMQ accepts only messages.
"""

import base64
import json
import uuid
from typing import Any

import pytest
from redis import Redis

from tests.behaviour.test_messages import IDS, check_alive, headers
from tests.support.api import Api
from tests.support.servers import until

pytestmark = pytest.mark.parametrize("api", ["redis"], indirect=True, scope="session")


def item(**other: Any) -> bytes:
    """A message as kombu stores it in a Redis list, with `other` instead; values of ... are left out."""
    properties: dict[str, Any] = {
        "delivery_tag": uuid.uuid4().hex,
        "delivery_info": {"exchange": "trinity", "routing_key": "predict"},
        "body_encoding": "base64",
        "priority": 0,
    }
    whole: dict[str, Any] = {
        "body": base64.b64encode(IDS).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": headers(),
        "properties": properties,
    }
    for part in (properties, whole):
        part.update({name: value for name, value in other.items() if (name in properties) == (part is properties)})
        for name in [name for name, value in part.items() if value is ...]:
            del part[name]
    return json.dumps(whole).encode()


NESTED: Any = None
for _ in range(900):
    NESTED = [NESTED]
ITEMS = {
    "nothing": b"",
    "not json": b"{nope",
    "not text": b"\xff\xfe\x00",
    "not utf-8": item(body="~").replace(b"~", b"\xff"),
    "number": b"5",
    "null": b"null",
    "list": b"[]",
    "deep": b"[" * 100_000,
    "huge": b'"' + b"x" * 8_000_000 + b'"',
    "empty": b"{}",
    "no properties": item(properties=...),
    "properties are a list": item(properties=[]),
    "body isn't base64": item(body="a"),
    "body is a number": item(body=5),
    "body can't be encoded": item(body="\ud800"),
    "unknown encoding": item(body_encoding="rot13"),
    "no encoding": item(body_encoding=None, body="\ud800"),
    "no tag": item(delivery_tag=...),
    "tag is a list": item(delivery_tag=[]),
    "tag can't be encoded": item(delivery_tag="\ud800"),
    "no info": item(delivery_info=None),
    "info is empty": item(delivery_info={}),
    "info can't be encoded": item(delivery_info={"exchange": "\ud800", "routing_key": "\ud800"}),
    "headers are a list": item(headers=[1]),
    "headers are deep": item(headers=headers(stamps={"a": NESTED})),
    "a wrong type": item(body={"__type__": "uuid", "__value__": "x"}),
    "a wrong date": item(headers={"__type__": "datetime", "__value__": "x"}),
    "priority is infinite": item(priority=float("inf")),
    "ids that aren't there": item(),
}


@pytest.mark.parametrize("kind", ITEMS)
def test_other_values_are_dropped(api: Api, kind: str) -> None:
    """A worker continues, whatever is pushed into its lane in Redis."""
    assert api.ledger_url is not None
    api.result("fit", {"model": "multivariate", "data": {"X": [[0.0], [1.0]], "y": [0.0, 2.0]}})
    with Redis.from_url(api.ledger_url.removesuffix("0") + "1") as broker:
        broker.lpush("predict", ITEMS[kind])
        until(lambda: broker.llen("predict") == 0, "the worker to take it")
    check_alive(api)
