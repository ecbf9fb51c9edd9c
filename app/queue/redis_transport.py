"""The lanes over Redis as a worker reads them: what lies in one and isn't a message at all is dropped.

kombu's own transport raises over it and ends the worker, for everybody who reaches the broker may push anything there.
What is a message and none of ours is the consumer's matter.
"""

from __future__ import annotations

from base64 import b64decode
from logging import getLogger
from typing import Annotated, Any, Literal

import msgspec
from kombu.transport import redis
from kombu.utils.json import loads
from msgspec import Meta

logger = getLogger(__name__)

MAX_ITEM_BYTES = 262_144  # well above a message's body in base64 with its headers
MAX_BRACKETS = 100  # ours have a few; nothing nests deeper than it has brackets
Word = Annotated[str, Meta(pattern=r"\A[ -~]{0,255}\Z")]  # what can't be encoded can't be sent back to Redis


class DeliveryInfo(msgspec.Struct):
    """Where a message was sent to."""

    exchange: Word
    routing_key: Word


class Properties(msgspec.Struct):
    """What kombu acts on before anybody sees the message."""

    delivery_tag: Word
    delivery_info: DeliveryInfo
    body_encoding: Literal["base64"]


class Item(msgspec.Struct):
    """A message as kombu puts it into a lane."""

    body: str
    headers: dict[str, Any]
    properties: Properties


class Channel(redis.Channel):
    """kombu's channel, to which a lane with rubbish at its end looks empty for once."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002  kombu's signature
        """Refuse to connect for a connection that is lost, when the channel is closed with messages not acknowledged.

        kombu then looks for the address in what is gone; its AttributeError ends a worker, this error it expects. The
        messages lie in the broker as they are.
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
    """kombu's transport with that channel."""

    Channel = Channel


def parse_popped(answer: list[bytes] | None) -> tuple[bytes, bytes] | None:
    """Return the lane and the item that Redis gave; None when there is none, or it is no message."""
    if not answer:
        return None
    lane, item = answer
    if not is_message(item):
        logger.warning("dropped %d bytes from a lane that aren't a message", len(item))
        return None
    return lane, item


def is_message(item: bytes) -> bool:
    """Whether kombu can make a message of it."""
    if len(item) > MAX_ITEM_BYTES or item.count(b"[") + item.count(b"{") > MAX_BRACKETS:
        return False
    try:
        b64decode(msgspec.convert(loads(item), Item).body)
    except Exception:  # noqa: BLE001  kombu's decoders may raise anything, and whatever it is, this is no message
        return False
    return True
