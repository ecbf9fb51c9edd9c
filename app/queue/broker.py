"""The broker: Celery's settings, publishing messages, and counting the messages that wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from amqp.exceptions import AMQPError, ChannelError
from celery import Celery
from kombu import Exchange, Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from app.errors import Unavailable
from app.queue.messages import JobRef, message_summary, task_name
from app.schemas.verbs import VERBS, Verb
from app.settings import Settings

EXCHANGE = Exchange("trinity", type="direct", durable=True)
TIMEOUT_S = 1  # longest wait for a broker that does not answer


def celery_app(settings: Callable[[], Settings]) -> Celery:
    """Return a Celery app, which reads the settings at its first use."""
    app = Celery("trinity", events="app.queue.worker.events:Events")
    app.add_defaults(lambda: celery_settings(settings()))
    return app


def celery_settings(settings: Settings) -> dict[str, Any]:
    """Return Celery's settings for Trinity's settings."""
    return {
        "broker_url": settings.broker_url,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": _transport_options(settings.broker_url or ""),
        "task_queues": [Queue(verb, EXCHANGE, routing_key=verb, durable=True) for verb in VERBS],
        "task_default_queue": "predict",
        "task_default_exchange": EXCHANGE.name,
        "task_default_routing_key": "predict",
        "task_create_missing_queues": False,
        "task_routes": {task_name(verb): {"queue": verb} for verb in VERBS},
        "task_annotations": {task_name(verb): {"rate_limit": settings.rate_limit_of(verb)} for verb in VERBS},
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        # without this policy a publish retries inside the transport, for six seconds if the broker refuses connections
        "task_publish_retry": True,
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1},
        "worker_consumer": "app.queue.message_filter:StrictConsumer",
        "worker_prefetch_multiplier": settings.prefetch,
        "worker_hijack_root_logger": False,
        # RabbitMQ 4 does not support queues that are neither durable nor exclusive
        "control_queue_exclusive": True,
        "event_queue_exclusive": True,
    }


def _transport_options(broker_url: str) -> dict[str, Any]:
    """Limit every wait for the broker (by default both brokers hang for long), and let RabbitMQ confirm messages."""
    if broker_url.startswith("amqp"):
        waits = dict.fromkeys(("read_timeout", "write_timeout", "connect_timeout"), TIMEOUT_S)
        return {"confirm_publish": True, **waits}
    return dict.fromkeys(("socket_timeout", "socket_connect_timeout"), TIMEOUT_S)


class Broker:
    """Sends messages to workers over the connections of one Celery app."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery

    def publish(self, verb: Verb, jobs: list[JobRef]) -> None:
        """Send one message for these jobs to the verb's lane; raise Unavailable if the broker does not take it."""
        with _unavailable_errors():
            # the socket's own timeout does not end a wait in the middle of an answer; this one does
            task, ids, shown = task_name(verb), [job.job_id for job in jobs], message_summary(jobs)
            self._celery.send_task(task, (ids,), argsrepr=shown, ignore_result=True, confirm_timeout=TIMEOUT_S)

    def depth(self, verb: Verb) -> int:
        """Return how many messages wait in the verb's lane; raise Unavailable if the broker does not answer."""
        with _unavailable_errors(), self._celery.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, timeout=TIMEOUT_S, interval_start=0)
            channel: Any = connection.default_channel
            try:
                return int(channel.queue_declare(queue=verb, passive=True).message_count)
            except ChannelError:  # over Redis a queue exists only while it holds messages
                return 0

    def ping(self) -> None:
        """Raise OperationalError or OSError unless the broker answers."""
        with self._celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=TIMEOUT_S, interval_start=0)


@contextmanager
def _unavailable_errors() -> Iterator[None]:
    try:
        yield
    except (OperationalError, AMQPError, RedisError, OSError) as error:
        raise Unavailable(f"the broker doesn't answer ({type(error).__name__})") from error
