"""What is pushed into a lane over Redis is looked at before kombu is."""

import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue
from kombu.common import ignore_errors

from app.queue.redis_transport import MAX_ITEM_BYTES, is_message, parse_popped
from tests.support import servers

PROPERTIES = {
    "delivery_tag": "a",
    "delivery_info": {"exchange": "trinity", "routing_key": "fit"},
    "body_encoding": "base64",
}


def item(body: str = "W10=", headers: Any = None) -> bytes:
    """A message as kombu writes it."""
    return json.dumps({"body": body, "headers": headers or {}, "properties": PROPERTIES}).encode()


def nested(depth: int) -> Any:
    """A list in a list in a list …"""
    return [nested(depth - 1)] if depth else []


def test_a_message_is_one() -> None:
    """Whose it is, is another question."""
    assert parse_popped([b"fit", item()]) == (b"fit", item())


def test_an_empty_lane_gives_nothing() -> None:
    """And nothing is said of it."""
    assert parse_popped(None) is None


def test_what_is_too_large_or_too_deep_is_no_message() -> None:
    """It isn't decoded at all: that alone could end a worker."""
    assert not is_message(item("A" * MAX_ITEM_BYTES))
    assert not is_message(item(headers={"a": nested(200)}))
    assert is_message(item(headers={"a": nested(50)}))


def test_what_is_dropped_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    """The log says how much it was: it may be anything."""
    with caplog.at_level(logging.WARNING):
        assert parse_popped([b"fit", b"secret"]) is None
    assert [record.message for record in caplog.records] == [
        "dropped an item of 6 bytes that is not a message from a lane"
    ]


def test_a_lost_connection_is_closed_with_its_messages_unacknowledged(tmp_path: Path) -> None:
    """As a worker does whose broker died while it waited for more: nothing comes of it that would end the worker."""
    taken: list[object] = []
    with servers.valkey(tmp_path) as broker:
        connection = Connection(broker.url, transport="app.queue.redis_transport:CheckedTransport")
        consumer = connection.Consumer(Queue("fit"), callbacks=[lambda _, message: taken.append(message)])
        consumer.consume()
        everybody = Queue("mine", Exchange("everybody", type="fanout"), auto_delete=True)  # as for Celery's ping
        connection.Consumer(everybody, channel=connection.channel()).consume()
        connection.Producer().publish("anything", routing_key="fit")
        with suppress(TimeoutError):
            while True:
                connection.drain_events(timeout=0.2)
        broker.process.kill()
        broker.process.wait()
        connection.collect(socket_timeout=1)
        ignore_errors(connection, connection.close)
    assert len(taken) == 1
