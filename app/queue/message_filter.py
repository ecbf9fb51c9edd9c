"""Drops broker messages that Trinity did not send, before they can do harm.

Anyone who reaches the broker can send anything. Celery's own consumer ends when a header is missing or has another type
than it expects. Over Redis it also may reconnect and get the same message again and again. So the headers that Celery
acts on are not taken from the message, and a body that is not a list of job ids is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import getLogger
from typing import Annotated, Any, Literal

import msgspec
from celery.worker.consumer import Consumer
from kombu import Connection
from kombu.message import Message
from msgspec import Meta

from app.queue.messages import task_name
from app.schemas.decoding import convert, json_decoder
from app.schemas.verbs import VERBS

logger = getLogger(__name__)

MAX_MESSAGE_BYTES = 65_536
TASKS = frozenset(task_name(verb) for verb in VERBS)
JobId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class ForeignMessage(Exception):
    """The message is not one that Trinity sends."""


class Headers(msgspec.Struct):
    """The headers that are kept: the task, the id of the message, and what Flower shows of its arguments."""

    task: str
    id: JobId
    argsrepr: str = ""


NoKwargs = Annotated[dict[str, None], Meta(max_length=0)]
NoCallbacks = dict[Literal["callbacks", "errbacks", "chain", "chord"], None]
_body = json_decoder(tuple[tuple[Annotated[list[JobId], Meta(max_length=1000)]], NoKwargs, NoCallbacks])


class StrictConsumer(Consumer):
    """Celery's consumer behind these checks, and over Redis behind those of `redis_transport`."""

    def connection_for_read(self, heartbeat: float | None = None) -> Connection:
        """Return a connection to the broker, once the broker answers."""
        over_redis = str(self.app.conf.broker_read_url).startswith("redis")  # rediss:// too
        transport = "app.queue.redis_transport:CheckedTransport" if over_redis else None
        return self.ensure_connected(self.app.connection_for_read(heartbeat=heartbeat, transport=transport))

    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Message], None]:
        """Return the function that Celery calls for each message."""
        handle = super().create_task_handler(*arguments, **options)

        def checked(message: Message) -> None:
            try:
                message.headers = checked_headers(message)
            except ForeignMessage as error:
                logger.warning("dropped a message that Trinity did not send: %s", error)
                message.reject_log_error(logger, self.connection_errors)  # type: ignore[attr-defined]
            else:
                handle(message)

        return checked


def checked_headers(message: Message) -> dict[str, Any]:
    """Return the headers for Celery; raise ForeignMessage, which quotes nothing from the message."""
    body = message.body.encode() if isinstance(message.body, str) else message.body
    if (message.content_type, message.content_encoding) != ("application/json", "utf-8"):
        raise ForeignMessage("its content isn't JSON in UTF-8")
    if not isinstance(body, bytes | memoryview) or len(body) > MAX_MESSAGE_BYTES:
        raise ForeignMessage(f"its body isn't text of up to {MAX_MESSAGE_BYTES} bytes")
    if message.errors:  # kombu could not decompress it
        raise ForeignMessage("its body can't be decoded")
    try:
        headers = convert(message.headers, Headers)
        _body.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):  # a ValidationError is a DecodeError
        raise ForeignMessage("it isn't a task with a list of job ids") from None
    if headers.task not in TASKS:
        raise ForeignMessage("its task isn't one of Trinity's")
    return {
        "lang": "py",
        "task": headers.task,
        "id": headers.id,
        "root_id": headers.id,
        "parent_id": None,
        "group": None,
        "eta": None,
        "expires": None,
        "retries": 0,
        "timelimit": [None, None],
        "argsrepr": headers.argsrepr,
        "kwargsrepr": "{}",
        "origin": "",
        "ignore_result": True,
    }
