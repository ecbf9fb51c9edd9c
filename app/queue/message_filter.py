"""What a worker takes from the broker: messages such as `publish` sends; any other is dropped before it can do harm.

Celery's own consumer ends when a header is missing or of another type than it expects or, over Redis, reconnects and
gets the same message again and again; a null among the ids would have a process ask the ledger in vain for long.
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
from app.schemas.verbs import VERBS

logger = getLogger(__name__)

MAX_MESSAGE_BYTES = 65_536
JobId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Name = Annotated[str, Meta(max_length=1024)]


class ForeignMessage(Exception):
    """The message isn't one that `publish` makes."""


class Headers(msgspec.Struct):
    """The headers that Celery acts on, as it writes them for our tasks; those without a default must be there."""

    task: Annotated[str, Meta(pattern=f"^({'|'.join(map(task_name, VERBS))})$")]
    id: JobId
    lang: Literal["py"] = "py"
    root_id: JobId | None = None
    parent_id: JobId | None = None
    group: None = None
    group_index: None = None
    eta: None = None
    expires: None = None
    timelimit: tuple[None, None] = (None, None)
    retries: Literal[0] = 0
    shadow: None = None
    meth: None = None
    compression: None = None
    stamps: dict[str, None] | None = None
    stamped_headers: None = None
    argsrepr: str = ""
    kwargsrepr: str = ""
    origin: Name = ""
    ignore_result: bool = True
    replaced_task_nesting: Literal[0] = 0


class NoKwargs(msgspec.Struct, forbid_unknown_fields=True):
    """No keyword arguments."""


class NoCallbacks(msgspec.Struct, forbid_unknown_fields=True):
    """What a task would be followed by: nothing."""

    callbacks: None = None
    errbacks: None = None
    chain: None = None
    chord: None = None


Body = tuple[tuple[Annotated[list[JobId], Meta(max_length=1000)]], NoKwargs, NoCallbacks]
_body = msgspec.json.Decoder(Body)


class StrictConsumer(Consumer):
    """Celery's consumer behind a check, and over Redis behind one more."""

    def connection_for_read(self, heartbeat: float | None = None) -> Connection:
        """Return a connection to the broker, once it is there."""
        over_redis = str(self.app.conf.broker_read_url).startswith("redis")  # rediss:// too
        transport = "app.queue.redis_transport:CheckedTransport" if over_redis else None
        return self.ensure_connected(self.app.connection_for_read(heartbeat=heartbeat, transport=transport))

    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Message], None]:
        """Return what is called for each message."""
        handle = super().create_task_handler(*arguments, **options)

        def checked(message: Message) -> None:
            try:
                check(message)
            except ForeignMessage as error:
                logger.warning("dropped a message that isn't ours: %s", error)
                message.reject_log_error(logger, self.connection_errors)  # type: ignore[attr-defined]
            else:
                handle(message)

        return checked


def check(message: Message) -> None:
    """Raise NotOurs unless the message is one for our tasks; its words aren't repeated, for they may be anything."""
    body = message.body.encode() if isinstance(message.body, str) else message.body
    if (message.content_type, message.content_encoding) != ("application/json", "utf-8"):
        raise ForeignMessage("its content isn't JSON in UTF-8")
    if not isinstance(body, bytes | memoryview) or len(body) > MAX_MESSAGE_BYTES:
        raise ForeignMessage(f"its body isn't text of up to {MAX_MESSAGE_BYTES} bytes")
    try:
        msgspec.convert(message.headers, Headers)
    except (msgspec.ValidationError, RecursionError):
        raise ForeignMessage("its headers aren't those of a task of ours") from None
    try:
        _body.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise ForeignMessage("its body isn't a list of job ids") from None
