"""kombu's Redis transport, with a check of what a worker takes from a lane.

Anyone who reaches the broker can push anything into a lane. An item that is not a message raises an error in kombu's
own transport and ends the worker; here it is dropped. Messages that Trinity did not send are for `message_filter`.
"""

from __future__ import annotations

from base64 import b64decode
from logging import getLogger
from typing import Annotated, Any, Literal

import msgspec
from kombu.transport import redis
from kombu.utils.json import loads
from msgspec import Meta

from app.schemas.decoding import convert

logger = getLogger(__name__)

MAX_ITEM_BYTES = 262_144  # well above a message's body in base64 with its headers
MAX_BRACKETS = 100  # real messages have a few; JSON cannot nest deeper than it has brackets
Word = Annotated[str, Meta(pattern=r"\A[ -~]{0,255}\Z")]  # ASCII: kombu sends it back to Redis


class DeliveryInfo(msgspec.Struct):
    """Where a message was sent."""

    exchange: Word
    routing_key: Word


class Properties(msgspec.Struct):
    """The properties that kombu uses before it passes the message on."""

    delivery_tag: Word
    delivery_info: DeliveryInfo
    body_encoding: Literal["base64"]


class Item(msgspec.Struct):
    """A message as kombu stores it in a lane."""

    body: str
    headers: dict[str, Any]
    properties: Properties


class Channel(redis.Channel):
    """kombu's channel; it treats an invalid item like an empty lane."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002  kombu's signature
        """Raise ConnectionError if the connection is lost while the channel closes with unacknowledged messages.

        kombu would raise an AttributeError there, which ends a worker; it handles a ConnectionError. The messages stay
        in the broker.
        """
        if self.connection.client is None:
            raise ConnectionError("the connection is lost")
        params: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]
        return params

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002  kombu's signature
        client = super()._create_client(asynchronous)  # type: ignore[misc]
        client.set_response_callback("BRPOP", parse_popped)
        return client


class CheckedTransport(redis.Transport):
    """kombu's Redis transport with that channel."""

    Channel = Channel


def parse_popped(answer: list[bytes] | None) -> tuple[bytes, bytes] | None:
    """Return the lane and the item that Redis sent; None without an item, or if it is not a message."""
    if not answer:
        return None
    lane, item = answer
    if not is_message(item):
        logger.warning("dropped an item of %d bytes that is not a message from a lane", len(item))
        return None
    return lane, item


def is_message(item: bytes) -> bool:
    """Whether kombu can read the item as a message."""
    if len(item) > MAX_ITEM_BYTES or item.count(b"[") + item.count(b"{") > MAX_BRACKETS:
        return False
    try:
        b64decode(convert(loads(item), Item).body)
    except Exception:  # noqa: BLE001  kombu's decoders may raise anything
        return False
    return True
