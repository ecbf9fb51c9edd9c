"""The Celery side: the queue, its lanes, and one task a verb that claims jobs from the ledger and runs them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from amqp.exceptions import AMQPError, ChannelError
from celery import Celery
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutting_down,
)
from kombu import Exchange, Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from app.bootstrap import build
from app.dispatch.claimed import Claimed
from app.dispatch.job_log import JobLog
from app.errors import Unavailable
from app.keeper import Beat, Ended, Keeper, Node, Outbox, Reconciler, Sweep, children, end_with_parent
from app.lanes import Call, described
from app.schemas import VERBS, Verb
from app.settings import Settings, SettingsError, load
from app.telemetry.logs import install, putting, stderr
from app.telemetry.optional import tracing, wanted
from app.webhooks import named_hosts

if TYPE_CHECKING:
    from app.telemetry.tracing import Tracing

EXCHANGE = Exchange("trinity", type="direct", durable=True)
TIMEOUT_S = 1  # how long a publish may hang on a broker that is frozen
KEEP_S = 0.5  # how often a worker looks after its own jobs
RECONCILE_S = 1.0  # and after everybody's
OUTBOX_S = 0.5
SWEEP_S = 600.0

node = Node()
queue = Celery("trinity")
# a function, so that the environment is read when the queue is first used, and not when this module is imported
queue.add_defaults(lambda: configuration(_settings()))


def _settings() -> Settings:
    """Return the settings, or end the process with every problem in them listed."""
    try:
        settings = load()
    except SettingsError as error:
        raise SystemExit(f"Trinity can't start, these settings are wrong:\n{error}") from None
    if settings.broker_url is None or settings.ledger_url is None:
        raise SystemExit("Trinity can't start: a queue needs TRINITY_BROKER_URL and TRINITY_LEDGER_URL")
    return settings


def configuration(settings: Settings) -> dict[str, Any]:
    """Return Celery's settings for ours."""
    return {
        "broker_url": settings.broker_url,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": _transport_options(settings.broker_url or ""),
        "task_queues": [Queue(verb, EXCHANGE, routing_key=verb, durable=True) for verb in VERBS],
        "task_default_queue": "predict",
        "task_default_exchange": EXCHANGE.name,
        "task_default_routing_key": "predict",
        "task_create_missing_queues": False,
        "task_routes": {f"app.tasks.{verb}": {"queue": verb} for verb in VERBS},
        "task_annotations": {
            f"app.tasks.{verb}": {"rate_limit": getattr(settings, f"rate_limit_{verb}")} for verb in VERBS
        },
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        # without a policy of ours a publish retries inside the transport, for six seconds when the broker refuses
        "task_publish_retry": True,
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1},
        "worker_consumer": "app.consumer:StrictConsumer",
        "worker_prefetch_multiplier": settings.prefetch,
        "worker_hijack_root_logger": False,
        # RabbitMQ 4 gives up queues that are neither durable nor exclusive
        "control_queue_exclusive": True,
        "event_queue_exclusive": True,
    }


def _transport_options(broker_url: str) -> dict[str, Any]:
    """Bound every wait for the broker (both brokers hang for long by default), and have RabbitMQ confirm messages."""
    if broker_url.startswith("amqp"):
        return {
            "confirm_publish": True,
            "read_timeout": TIMEOUT_S,
            "write_timeout": TIMEOUT_S,
            "connect_timeout": TIMEOUT_S,
        }
    return {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}


@queue.task(name="app.tasks.fit")
def fit(job_ids: list[str]) -> None:
    """Run the fits of these ids."""
    _claimed().run("fit", job_ids)


@queue.task(name="app.tasks.predict")
def predict(job_ids: list[str]) -> None:
    """Run the predictions of these ids."""
    _claimed().run("predict", job_ids)


@queue.task(name="app.tasks.score")
def score(job_ids: list[str]) -> None:
    """Run the scores of these ids."""
    _claimed().run("score", job_ids)


_TASKS: dict[Verb, Any] = {"fit": fit, "predict": predict, "score": score}


def publish(verb: Verb, calls: list[Call]) -> None:
    """Put one message for these jobs in the verb's lane; raise Unavailable when it isn't taken."""
    job_ids = [call.job_id for call in calls]
    with _broker_answering():
        # the socket's own bound ends no wait in the middle of an answer, this one does
        _TASKS[verb].apply_async((job_ids,), argsrepr=described(calls), confirm_timeout=TIMEOUT_S)


def depth(verb: Verb) -> int:
    """Return how many messages wait in the verb's lane; raise Unavailable when the broker doesn't tell."""
    with _broker_answering(), queue.connection_for_read() as connection:
        connection.ensure_connection(max_retries=1, timeout=TIMEOUT_S, interval_start=0)
        channel: Any = connection.default_channel
        try:
            return int(channel.queue_declare(queue=verb, passive=True).message_count)
        except ChannelError:  # over Redis a lane is there while it holds messages
            return 0


def check_broker() -> None:
    """Raise OperationalError or OSError unless the broker answers."""
    with queue.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=TIMEOUT_S, interval_start=0)


@contextmanager
def _broker_answering() -> Iterator[None]:
    try:
        yield
    except (OperationalError, AMQPError, RedisError, OSError) as error:
        raise Unavailable(f"the broker doesn't answer ({type(error).__name__})") from error


@setup_logging.connect
def log(loglevel: int | str | None, logfile: str | None, **_: object) -> None:
    """Have Celery's records written as ours are; its --loglevel is for its own, its --logfile takes those."""
    install(_settings())
    root = logging.getLogger()
    root.setLevel(loglevel or logging.WARNING)
    if logfile:
        root.addHandler(logging.FileHandler(logfile))


@worker_process_shutdown.connect
def flush(**_: object) -> None:
    """Have the last lines written; this process ends without more ado."""
    if (spans := _spans()) is not None:
        spans.close()
    stderr().flush()


@worker_init.connect
def check_parts(**_: object) -> None:
    """End a worker that could not do its work before it takes any."""
    try:
        house = build(_settings())
        house.check_store()
        wanted(house.settings)
        node.name_it()
    except SettingsError as error:
        raise SystemExit(f"Trinity can't start:\n{error}") from None


@worker_ready.connect
def watch_over(**_: object) -> None:
    """Begin to look after the jobs that this worker's processes claim."""
    house = build(_settings())
    ended = Ended()
    ended.listen()
    keeper = Keeper(house.keeping(node.name), children, ended.end)
    reconciler = Reconciler(house.keeping(node.name), publish, depth, house.settings.lease)
    beats = [Beat("keeper", keeper.step, KEEP_S), Beat("reconciler", reconciler.step, RECONCILE_S)]
    beats.append(Beat("sweep", Sweep(house.keeping(node.name), house.payloads).step, SWEEP_S))
    settings = house.settings
    if settings.webhook_secret is not None:
        hosts = named_hosts(settings.webhook_hosts)
        outbox = Outbox(house.keeping(node.name), house.ledger(), settings.webhook_secret, hosts)
        beats.append(Beat("outbox", outbox.step, OUTBOX_S))
    node.start(beats, keeper.hand_back)


@worker_shutting_down.connect
def hand_back(**_: object) -> None:
    """Give the jobs that don't end soon to other workers."""
    node.stop_soon()


@worker_process_init.connect
def prepare(**_: object) -> None:
    """Have everything imported and built before the first job comes."""
    end_with_parent(node.pid or os.getppid())  # a process that was spawned, not forked, doesn't know the number
    _claimed()


@cache
def _spans() -> Tracing | None:
    return tracing(_settings(), "trinity-worker")


@cache
def _claimed() -> Claimed:
    """Build this process's own parts, after the fork: connections must not be shared over it."""
    house = build(_settings())
    settings = house.settings
    tell = JobLog(putting(settings)) if settings.line_for_each else lambda _: None
    return Claimed(house.service, house.claims(node.name, str(os.getpid())), tell=tell, tracing=_spans())
