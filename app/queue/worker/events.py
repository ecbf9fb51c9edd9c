"""Celery's events, which Flower shows, with a limit on the attempts to send one.

The thread that sends a worker's events also receives its jobs. By default it sends a heartbeat again and again until
the broker takes it. Over RabbitMQ this may never end: a declaration in kombu is repeated on the channel that it began
with, and if that belongs to a connection which was lost and replaced, kombu closes the new connection each time. After
a network partition such a worker opened a hundred connections a second, and received no more jobs.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from celery.app import events
from celery.events import EventDispatcher
from kombu import Connection, Producer

RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


class LimitedDispatcher(EventDispatcher):
    """Celery's dispatcher, which keeps what was not sent, and sends it with the next events of jobs."""

    connection: Connection
    producer: Producer
    _outbound_buffer: deque[tuple[Any, str]]

    def send(self, type: str, *args: Any, **options: Any) -> None:  # noqa: A002  Celery's name
        """Send an event; if that fails, and `retry` is among the options, once more on a new connection."""
        kept = len(self._outbound_buffer)
        super().send(type, *args, **{**options, "retry_policy": RETRY_POLICY})
        if len(self._outbound_buffer) > kept and self.connection.connected:
            self.producer.revive(self.connection.default_channel)  # its own is of a lost connection


class Events(events.Events):
    """Celery's events with this dispatcher."""

    dispatcher_cls = f"{__name__}:{LimitedDispatcher.__name__}"
