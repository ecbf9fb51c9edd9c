"""Events of the registry, sent to TRINITY_EVENTS_URL: a version was published, an alias moved.

The histories of the models are the outbox. The file `events.json` of the store records how much of each was sent. So
this works with and without a queue, and no event is lost while the store survives. One process at a time sends.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from logging import getLogger
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from app.queue.webhooks.delivery import Delivery, deliver, next_try
from app.queue.webhooks.urls import named_hosts, parse_url
from app.schemas.decoding import decode_json
from app.schemas.registry import Move
from app.settings import Settings
from app.storage.aliases import LATEST
from app.storage.durable_files import DurableFiles
from app.storage.file_locks import try_lock
from app.storage.registry import Registry

logger = getLogger(__name__)

STEP_S = 1.0
SENT, LOCK = "events.json", "events.lock"
VERSION_CREATED, ALIAS_MOVED = "version.created", "alias.moved"
Send = Callable[[str, bytes], Delivery]
"""Sends a message under the given id."""


class Sent(NamedTuple):
    """How far the history of a model was sent; the inode differs if the model was removed and created again."""

    inode: int
    position: int


class RegistryEvents:
    """Sends the events of one store; those of one model in order. `chance` spreads the retries."""

    def __init__(
        self,
        folder: Path,
        registry: Registry,
        send: Send,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._sent = folder / SENT
        self._lock = folder / LOCK
        self._registry = registry
        self._send = send
        self._clock = clock
        self._chance = chance
        self._files = DurableFiles()
        self._tries = 0
        self._next_try_s = 0.0

    def begin(self) -> None:
        """At the first start with these events, count all earlier events as sent."""
        with self._lock.open("w") as lock:
            if try_lock(lock):  # a process that holds it has begun already, and may hold it for long
                self._read()

    def step(self) -> None:
        """Send the events since the last step, unless another process sends; raise OSError."""
        if self._clock() < self._next_try_s:
            return
        with self._lock.open("w") as lock:
            if not try_lock(lock):
                return
            sent = self._read()
            for model, end in self._registry.history_ends().items():
                if sent.get(model) != end and not self._send_of(model, sent):
                    return

    def _send_of(self, model: str, sent: dict[str, Sent]) -> bool:
        """Send the events of a model; return False if one must be tried again later."""
        inode, moves = self._registry.history_from(model, lambda inode: _position(sent.get(model), inode))
        for position, move in moves:
            if not self._delivered(model, position, move):
                return False
            sent[model] = Sent(inode, position)
            self._files.replace(self._sent, msgspec.json.encode(sent))
        return True

    def _delivered(self, model: str, position: int, move: Move) -> bool:
        """Send an event; return whether it is finished: it was delivered, or this was its last try."""
        # the signature separates its parts by full stops, so an id has none
        message_id = f"{model}-{position}-{int(move.at.timestamp() * 1000)}"
        done = self._send(message_id, message(model, move))
        self._tries += 1
        pause_s = None if done.ok or done.give_up else next_try(self._tries, self._chance)
        if not done.ok:
            logger.warning("event %s: %s%s", message_id, done.reason, "" if pause_s else "; given up")
        if pause_s is None:
            self._tries, self._next_try_s = 0, 0.0
            return True
        self._next_try_s = self._clock() + pause_s
        return False

    def _read(self) -> dict[str, Sent]:
        """Return how far each model was sent; at the first start, all earlier events count as sent."""
        try:
            return decode_json(self._sent.read_bytes(), dict[str, Sent])
        except FileNotFoundError:
            pass
        except msgspec.MsgspecError:
            logger.warning("%s is damaged; events of what happened before are not sent", self._sent.name)
        sent = {model: Sent(*end) for model, end in self._registry.history_ends().items()}
        self._files.replace(self._sent, msgspec.json.encode(sent))
        return sent


def message(model: str, move: Move) -> bytes:
    """Return the body of the message about an alias's move; a fit's move of `latest` is the creation of a version."""
    data: dict[str, Any] = {"model": model, **msgspec.to_builtins(move)}
    kind = ALIAS_MOVED
    if move.alias == LATEST and move.why == "fit":
        kind, data = VERSION_CREATED, {"model": model, "version": move.to, "by": move.by}
    return msgspec.json.encode({"type": kind, "timestamp": move.at, "data": data})


def registry_events(settings: Settings, registry: Registry) -> RegistryEvents:
    """Return the sender of events to the URL of the settings; its host may be private."""
    url, secret = settings.events_url or "", settings.webhook_secret or ""
    hosts = named_hosts(settings.webhook_hosts) | {parse_url(url).host}

    def send(message_id: str, body: bytes) -> Delivery:
        return deliver(url, message_id, body, secret, hosts, time.time())

    events = RegistryEvents(Path(settings.store), registry, send)
    events.begin()
    return events


def _position(sent: Sent | None, inode: int) -> int:
    return sent.position if sent is not None and sent.inode == inode else 0
