"""The Celery side: the queue, its lanes, and one task a verb that claims jobs from the ledger and runs them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from celery import Celery
from celery.signals import worker_init, worker_process_init
from kombu import Exchange, Queue

from app.bootstrap import build
from app.dispatch.base import execute
from app.ledger import Ledger, LedgerUnavailable
from app.schemas import VERBS, Verb
from app.service import Service
from app.settings import Settings, SettingsError, load

EXCHANGE = Exchange("trinity", type="direct", durable=True)
LEDGER_PAUSES_S = (0.5, 1, 2, 4, 8, 15, 30)
A = TypeVar("A")
R = TypeVar("R")
TIMEOUT_S = 1  # how long a publish may hang on a broker that is frozen

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
    _run(job_ids)


@queue.task(name="app.tasks.predict")
def predict(job_ids: list[str]) -> None:
    """Run the predictions of these ids."""
    _run(job_ids)


@queue.task(name="app.tasks.score")
def score(job_ids: list[str]) -> None:
    """Run the scores of these ids."""
    _run(job_ids)


_TASKS = {"fit": fit, "predict": predict, "score": score}


def publish(verb: Verb, job_ids: list[str]) -> None:
    """Put one message with these ids in the verb's lane; raise OperationalError or OSError when it isn't taken."""
    _TASKS[verb].apply_async((job_ids,))


def check_broker() -> None:
    """Raise OperationalError or OSError unless the broker answers."""
    with queue.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=TIMEOUT_S, interval_start=0)


@worker_init.connect
def check_parts(**_: object) -> None:
    """End a worker that could not do its work before it takes any."""
    try:
        build(_settings()).check_store()
    except SettingsError as error:
        raise SystemExit(f"Trinity can't start:\n{error}") from None


@worker_process_init.connect
def prepare(**_: object) -> None:
    """Have everything imported and built before the first job comes."""
    _parts()


@cache
def _parts() -> tuple[Service, Ledger]:
    """Build this process's own parts, after the fork: connections must not be shared over it."""
    house = build(_settings())
    return house.service, house.queue_ledger


def _run(job_ids: list[str]) -> None:
    service, ledger = _parts()
    for job_id in job_ids:  # one by one: what is claimed when a worker dies is as little as can be
        for claim in _patiently(ledger.claim, [job_id]):
            _patiently(ledger.finish, [(claim, execute(service, claim.work, job_id))])


def _patiently(call: Callable[[A], R], argument: A) -> R:
    """Ask the ledger again for as long as it is away, a while at most: the message that rang for the job is spent."""
    for pause_s in LEDGER_PAUSES_S:
        try:
            return call(argument)
        except LedgerUnavailable:
            time.sleep(pause_s)
    return call(argument)
