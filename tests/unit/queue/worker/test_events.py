"""Events of a worker: what the broker does not take holds nobody up."""

import threading

import pytest

from app.queue.broker import celery_app
from app.settings import Mode, Settings
from tests.support.fakes import DEADLINE_S
from tests.support.servers import free_port


@pytest.mark.parametrize("scheme", ["amqp", "redis"])
def test_a_heartbeat_without_a_broker_is_given_up(scheme: str) -> None:
    """The thread that sends it receives the jobs, too."""
    settings = Settings(mode=Mode.ASYNC, broker_url=f"{scheme}://127.0.0.1:{free_port()}//")
    celery = celery_app(lambda: settings)
    with celery.connection_for_write() as connection:
        dispatcher = celery.events.Dispatcher(connection, hostname="worker1@here", enabled=True)
        sending = threading.Thread(
            target=dispatcher.send, args=("worker-heartbeat",), kwargs={"retry": True}, daemon=True
        )
        sending.start()
        sending.join(DEADLINE_S)
        assert not sending.is_alive()
