"""Events of the registry: sent once they happened, in order, again while they do not arrive, and by one process."""

import fcntl
import json
from pathlib import Path
from typing import Any

import pytest

from app.queue.webhooks.delivery import TRIES, Delivery
from app.queue.webhooks.registry_events import RegistryEvents
from app.storage.model_store import Store
from app.storage.registry import Author
from tests.support.fakes import Clock, publish

OK = Delivery(ok=True, status=200, reason="")
AWAY = Delivery(ok=False, status=None, reason="nobody answers")
GONE = Delivery(ok=False, status=410, reason="gone", give_up=True)


class Url:
    """Where events are sent to; `answers` are the next deliveries, then all succeed."""

    def __init__(self, *answers: Delivery) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[str, Any]] = []

    def __call__(self, message_id: str, body: bytes) -> Delivery:
        self.sent.append((message_id, json.loads(body)))
        return self.answers.pop(0) if self.answers else OK

    def said(self) -> list[tuple[str, ...]]:
        """What was sent, in short."""
        return [
            (each["type"], *(str(each["data"].get(name)) for name in ("model", "version", "alias", "from", "to")))
            for _, each in self.sent
        ]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a model."""
    store = Store(tmp_path)
    publish(store, "before")
    return store


def events(folder: Path, url: Url, clock: Clock | None = None) -> RegistryEvents:
    registry = Store(folder).registry
    return RegistryEvents(folder, registry, url, clock or Clock(), lambda: 0.5)


def test_what_happens_is_sent_in_its_order(store: Store, tmp_path: Path) -> None:
    """Not what happened before the first look; a process that comes later sends nothing again."""
    url = Url()
    events(tmp_path, url).step()
    assert url.sent == []
    publish(store, "two")
    store.registry.move("m", "champion", 2, Author("request", "ops"))
    publish(store, "first", model="new")
    store.registry.move("m", "champion", None, Author("rollback", "ops"))
    for _ in range(2):
        events(tmp_path, url).step()
    assert url.said() == [
        ("version.created", "m", "2", "None", "None", "None"),
        ("alias.moved", "m", "None", "champion", "None", "2"),
        ("alias.moved", "m", "None", "champion", "2", "None"),
        ("version.created", "new", "1", "None", "None", "None"),
    ]
    assert url.sent[1][1]["data"]["by"] == "ops" and url.sent[2][1]["data"]["why"] == "rollback"
    assert all(each["timestamp"].endswith("Z") for _, each in url.sent)
    assert len({message_id for message_id, _ in url.sent}) == 4
    assert not any("." in message_id for message_id, _ in url.sent)


def test_an_event_that_does_not_arrive_is_sent_again(store: Store, tmp_path: Path) -> None:
    """After a pause, under the same id, before those behind it."""
    clock, url = Clock(), Url(AWAY, AWAY)
    sender = events(tmp_path, url, clock)
    sender.step()
    publish(store, "two")
    publish(store, "three")
    for _ in range(3):
        sender.step()
        sender.step()
        clock.tick(5)
    ids = [message_id for message_id, _ in url.sent]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert [each["data"]["version"] for _, each in url.sent] == [2, 2, 2, 3]


def test_it_is_given_up_in_the_end(store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The next one is tried then; a receiver that is gone for good is asked once."""
    clock, url = Clock(), Url(*[AWAY] * TRIES, GONE)
    sender = events(tmp_path, url, clock)
    sender.step()
    for job in ("two", "three", "four"):
        publish(store, job)
    for _ in range(TRIES):
        sender.step()
        clock.tick(1000)
    assert [each["data"]["version"] for _, each in url.sent] == [2] * TRIES + [3, 4]
    assert "given up" in caplog.text


def test_one_process_sends_at_a_time(store: Store, tmp_path: Path) -> None:
    """The others leave it to that one."""
    url = Url()
    events(tmp_path, url).step()
    publish(store, "two")
    with (tmp_path / "events.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        events(tmp_path, url).step()
        assert url.sent == []
    events(tmp_path, url).step()
    assert len(url.sent) == 1


def test_a_model_that_is_made_anew_begins_anew(store: Store, tmp_path: Path) -> None:
    """Its history is another file."""
    url = Url()
    sender = events(tmp_path, url)
    publish(store, "one", model="other")
    sender.step()
    store.registry.remove_model("other")
    publish(store, "x", model="spare")
    publish(store, "two", model="other")
    sender.step()
    assert ("version.created", "other", "1", "None", "None", "None") in url.said()


def test_a_move_that_was_never_made_is_not_sent(store: Store, tmp_path: Path) -> None:
    """Nor a line that was never finished."""
    url = Url()
    sender = events(tmp_path, url)
    sender.step()
    path = tmp_path / "models/m/history.jsonl"
    line = b'{"alias":"champion","from":null,"to":1,"at":"2020-01-01T00:00:00Z","why":"request","by":""}\n'
    with path.open("ab") as file:
        file.write(line + line[:20])
    sender.step()
    assert url.sent == []
    store.registry.move("m", "champion", 1, Author("request"))
    sender.step()
    assert len(url.sent) == 1


def test_a_damaged_note_sends_nothing_twice(store: Store, tmp_path: Path) -> None:
    """What happened before is not sent then."""
    url = Url()
    sender = events(tmp_path, url)
    sender.step()
    (tmp_path / "events.json").write_text("{")
    publish(store, "two")
    sender.step()
    publish(store, "three")
    sender.step()
    assert [each["data"]["version"] for _, each in url.sent] == [3]
