"""The Celery side: its configuration, and how it bears a broker that doesn't take messages."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.queue.broker import celery_settings
from app.schemas.verbs import VERBS
from app.settings import Mode, Settings
from tests.support import servers

NO_LEDGER = "redis://127.0.0.1:1/0"
BROKERS = ["redis://127.0.0.1:{port}/0", "amqp://guest:guest@127.0.0.1:{port}//"]

PUBLISH = """
from app.errors import Unavailable
from app.queue.messages import JobRef
from app.tasks import queue
from app.queue.broker import Broker
import time

began = time.monotonic()
try:
    Broker(queue).{call}({arguments})
except Unavailable:
    print(time.monotonic() - began)
"""
PUBLISH_AGAIN = """
from app.errors import Unavailable
from app.queue.messages import JobRef
from app.tasks import queue
from app.queue.broker import Broker
import time

broker = Broker(queue)
broker.publish('fit', [JobRef('a', 'm')])
print('taken', flush=True)
input()
began = time.monotonic()
try:
    broker.publish('fit', [JobRef('b', 'm')])
except Unavailable:
    print(time.monotonic() - began)
"""
CALLS = {"publish": "'fit', [JobRef('a', 'm')]", "depth": "'fit'"}


def settings(broker_url: str = "redis://broker/1", **rest: str) -> Settings:
    """Settings of async mode."""
    return Settings(mode=Mode.ASYNC, broker_url=broker_url, ledger_url="redis://ledger/0", **rest)  # type: ignore[arg-type]


@pytest.fixture
def refusing() -> int:
    """A port where nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def frozen() -> Iterator[int]:
    """A port where somebody listens and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield int(server.getsockname()[1])


@pytest.fixture(params=["redis", "amqp"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[servers.Server]:
    """A real one."""
    if request.param == "amqp" and (missing := servers.missing_rabbitmq()):
        pytest.skip(missing)
    with (servers.valkey if request.param == "redis" else servers.rabbitmq)(tmp_path) as running:
        yield running


def environment(broker_url: str) -> dict[str, str]:
    """That of a process that publishes over this broker."""
    return {**os.environ, "TRINITY_MODE": "async", "TRINITY_BROKER_URL": broker_url, "TRINITY_LEDGER_URL": NO_LEDGER}


def given_up_after(call: str, broker_url: str) -> float:
    """Seconds until a call over this broker raised Unavailable."""
    script = PUBLISH.format(call=call, arguments=CALLS[call])
    began = time.monotonic()
    process = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(broker_url),
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert process.stdout, f"{time.monotonic() - began:.1f} s\n{process.stderr[-2000:]}"
    return float(process.stdout)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("url", BROKERS, ids=["redis", "amqp"])
def test_a_broker_that_refuses(url: str, call: str, refusing: int) -> None:
    """A publish and a look at the queue fail within seconds."""
    assert given_up_after(call, url.format(port=refusing)) < 3


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("url", BROKERS, ids=["redis", "amqp"])
def test_a_broker_that_stands_still(url: str, call: str, frozen: int) -> None:
    """The same."""
    assert given_up_after(call, url.format(port=frozen)) < 5


def test_a_broker_that_freezes_after_it_took_messages(broker: servers.Server) -> None:
    """The connection stays open and nothing is answered, as when its disk stands still: the publish ends, too."""
    command = [sys.executable, "-c", PUBLISH_AGAIN]
    with subprocess.Popen(
        command, env=environment(broker.url), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "taken\n"
            os.killpg(broker.process.pid, signal.SIGSTOP)
            printed, _ = process.communicate("\n", timeout=30)
        finally:
            os.killpg(broker.process.pid, signal.SIGCONT)
            process.kill()
    assert float(printed) < 8


def test_every_verb_has_its_lane() -> None:
    """A durable queue for each task, and no other is ever made."""
    configured = celery_settings(settings())
    assert {queue.name for queue in configured["task_queues"]} == set(VERBS)
    assert all(queue.durable for queue in configured["task_queues"])
    assert configured["task_routes"] == {f"app.tasks.{verb}": {"queue": verb} for verb in VERBS}
    assert configured["task_create_missing_queues"] is False


def test_nothing_is_pickled() -> None:
    """Messages are JSON, in and out."""
    configured = celery_settings(settings())
    assert configured["task_serializer"] == "json"
    assert configured["accept_content"] == ["json"]


def test_results_go_to_the_ledger_alone() -> None:
    """Celery stores none, so publishing subscribes to nothing."""
    configured = celery_settings(settings())
    assert configured["task_ignore_result"] is True
    assert not configured.get("result_backend")


def test_rate_limits_are_each_tasks_own() -> None:
    """Without the setting there is no limit."""
    annotations = celery_settings(settings(rate_limit_fit="10/m"))["task_annotations"]
    assert annotations["app.tasks.fit"]["rate_limit"] == "10/m"
    assert annotations["app.tasks.predict"]["rate_limit"] is None


def test_rabbitmq_confirms_what_it_took() -> None:
    """An unconfirmed publish may be lost unnoticed."""
    options = celery_settings(settings("amqp://rabbit//"))["broker_transport_options"]
    assert options["confirm_publish"] is True


def test_the_url_decides_the_broker() -> None:
    """And no other setting."""
    for url in ("redis://a/1", "amqp://b//", "amqps://c//", "rediss://d/0"):
        assert celery_settings(settings(url))["broker_url"] == url
