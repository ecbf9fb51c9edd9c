"""The events of a worker over RabbitMQ: a lost connection neither holds up their sender nor ends them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery

from app.queue.broker import celery_app
from app.settings import Mode, Settings
from tests.support import servers
from tests.support.fakes import DEADLINE_S
from tests.support.servers import until


@contextmanager
def captured(celery: Celery) -> Iterator[list[str]]:
    """The types of the events that come meanwhile."""
    types: list[str] = []
    with celery.connection_for_read() as connection:
        receiver = celery.events.Receiver(connection, {"*": lambda event: types.append(event["type"])})
        capturing = threading.Thread(target=receiver.capture, daemon=True)
        capturing.start()
        try:
            yield types
        finally:
            receiver.should_stop = True
            capturing.join(DEADLINE_S)


def test_heartbeats_over_rabbitmq_go_on_after_a_connection_was_lost_and_replaced(tmp_path: Path) -> None:
    """One heartbeat may be missing."""
    if missing := servers.missing_rabbitmq():
        pytest.skip(missing)
    with servers.rabbitmq(tmp_path) as broker:
        settings = Settings(mode=Mode.ASYNC, broker_url=broker.url)
        celery = celery_app(lambda: settings)
        with captured(celery) as types, celery.connection_for_write() as connection:
            dispatcher = celery.events.Dispatcher(connection, hostname="worker1@here", enabled=True)

            def comes_after_another() -> bool:
                beat = {"args": ("worker-heartbeat",), "kwargs": {"retry": True}}
                sending = threading.Thread(target=dispatcher.send, daemon=True, **beat)
                sending.start()
                sending.join(DEADLINE_S)
                assert not sending.is_alive()
                return bool(types)

            until(comes_after_another, "a heartbeat")
            connection.connection.transport.close()
            until(lambda: connection.connection.connected, "another connection")
            types.clear()
            until(comes_after_another, "another heartbeat")
