"""The registry in the store: aliases move by compare-and-set, versions and models go, and every move is kept."""

import os
import threading
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from app.errors import Conflict, Damaged, Invalid, NotFound
from app.storage.durable_files import DurableFiles
from app.storage.model_store import Store
from app.storage.registry import Author, Expected
from tests.support.fakes import Clock, publish

BY_REQUEST = Author("request", "ops")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three versions of one model."""
    store = Store(tmp_path)
    for job in ("one", "two", "three"):
        publish(store, job)
    return store


def moves(store: Store, name: str = "m") -> list[tuple[str, int | None, int | None, str]]:
    """The history, the newest first, without times and authors."""
    return [(move.alias, move.from_, move.to, move.why) for move in store.registry.history(name)]


def champion(store: Store, to: int | None, expected: Expected = msgspec.UNSET) -> None:
    store.registry.move("m", "champion", to, BY_REQUEST, expected)


def test_a_champion_is_served_where_there_is_one(store: Store) -> None:
    """Requests without a version use it, or else the latest."""
    assert store.resolve("m", None) == 3
    champion(store, 1)
    assert store.resolve("m", None) == store.resolve("m", "champion") == 1
    assert publish(store, "four") == 4
    assert store.resolve("m", None) == 1
    champion(store, None)
    assert store.resolve("m", None) == 4


def test_a_process_that_saw_no_champion_serves_it_at_once(tmp_path: Path, store: Store) -> None:
    """Whoever moves an alias waits until nobody trusts what it saw before."""
    other = Store(tmp_path)
    for to in (1, 2, None, 2, 1, None):
        assert other.resolve("m", None) is not None
        champion(store, to)
        assert other.resolve("m", None) == (to or 3)


def test_a_champion_that_an_operator_wrote_is_seen(tmp_path: Path) -> None:
    """A moment later: what is not there is looked for again."""
    clock = Clock()
    store = Store(tmp_path, clock=clock, pause=clock.tick)
    assert [publish(store, job) for job in ("one", "two")] == [1, 2]
    assert store.resolve("m", None) == 2
    (tmp_path / "models/m/aliases/champion").write_text("1")
    clock.tick(0.02)
    assert store.resolve("m", None) == 1


def test_every_move_is_kept(store: Store) -> None:
    """From where, to where, when, why and by whom; what changes nothing is no move."""
    champion(store, 1)
    champion(store, 1)
    store.registry.move("m", "champion", 2, Author("rollback", "ops"), 1)
    champion(store, None, 2)
    champion(store, None)
    assert moves(store) == [
        ("champion", 2, None, "request"),
        ("champion", 1, 2, "rollback"),
        ("champion", None, 1, "request"),
        ("latest", 2, 3, "fit"),
        ("latest", 1, 2, "fit"),
        ("latest", None, 1, "fit"),
    ]
    newest = next(store.registry.history("m"))
    assert newest.by == "ops" and newest.at.tzinfo is not None


@pytest.mark.parametrize(
    ("stands", "expected", "words"),
    [
        (2, 1, "stands at version 2, not at 1"),
        (2, None, "stands at version 2, expected none"),
        (None, 1, "is not there, not at 1"),
    ],
)
def test_an_alias_moves_from_where_it_is_expected_alone(
    store: Store, stands: int | None, expected: Expected, words: str
) -> None:
    """Otherwise the error says where it stands, and nothing happens."""
    champion(store, stands)
    before = moves(store)
    with pytest.raises(Conflict, match=words) as caught:
        champion(store, 3, expected)
    assert caught.value.pointers == ["/if_version"]
    assert store.aliases("m").get("champion") == stands and moves(store) == before


def test_of_many_moves_from_one_version_one_wins(tmp_path: Path, store: Store) -> None:
    """A hundred threads with stores of their own; the history has one line for each round."""
    champion(store, 1)
    for round_, (before, to) in enumerate([(1, 2), (2, 3), (3, 1)]):
        won: list[int] = []
        lost: list[Conflict] = []

        def move(before: int = before, to: int = to, won: list[int] = won, lost: list[Conflict] = lost) -> None:
            try:
                Store(tmp_path).registry.move("m", "champion", to, BY_REQUEST, before)
                won.append(to)
            except Conflict as error:
                lost.append(error)

        threads = [threading.Thread(target=move) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(won), len(lost)) == (1, 99)
        assert len([move for move in moves(store) if move[0] == "champion"]) == 2 + round_


@pytest.mark.parametrize(
    ("alias", "to", "error"),
    [
        ("latest", 1, Invalid),
        ("7", 1, Invalid),
        ("../latest", 1, Invalid),
        ("Champion", 1, Invalid),
        ("", 1, Invalid),
        ("a" * 65, 1, Invalid),
        ("champion", 4, NotFound),
        ("champion", 0, NotFound),
    ],
)
def test_moves_that_cannot_be(store: Store, alias: str, to: int, error: type[Exception]) -> None:
    """The latest follows the fits, names are checked, and the version must be there."""
    with pytest.raises(error):
        store.registry.move("m", alias, to, BY_REQUEST)
    assert store.aliases("m") == {"latest": 3}


def test_a_model_that_is_not_there_is_not_made(tmp_path: Path, store: Store) -> None:
    """Neither by a move nor by a removal."""
    calls: list[Callable[[], object]] = [
        lambda: store.registry.move("other", "champion", 1, BY_REQUEST),
        lambda: store.registry.remove_version("other", 1),
        lambda: store.registry.remove_model("other"),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()
    assert list(store.registry.history("other")) == []
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["m"]


def test_a_damaged_alias_is_set_again(tmp_path: Path, store: Store) -> None:
    """But not by who expects it somewhere; and no version goes while it may be named."""
    champion(store, 1)
    path = tmp_path / "models/m/aliases/champion"
    path.write_text("2 sha256:")
    with pytest.raises(Conflict, match="damaged"):
        champion(store, 3, 1)
    with pytest.raises(Damaged):
        store.registry.remove_version("m", 2)
    champion(store, 2)
    assert store.resolve("m", None) == 2
    path.write_text("2 sha256:")
    champion(store, None)
    assert not path.exists() and store.resolve("m", None) == 3


def test_a_version_is_removed(store: Store, tmp_path: Path) -> None:
    """Its number is not given again, and its job does not publish again."""
    store.registry.remove_version("m", 1)
    assert store.versions("m") == [2, 3]
    with pytest.raises(NotFound):
        store.load("m", 1)
    with pytest.raises(Conflict, match="version 1, which this job published, has been removed"):
        publish(store, "one")
    assert publish(store, "four") == 4
    assert not [path for path in (tmp_path / "models/m").iterdir() if path.name.startswith(".")]
    with pytest.raises(NotFound):
        store.registry.remove_version("m", 1)


def test_a_version_that_an_alias_names_stays(store: Store) -> None:
    """The words say which, and what to do."""
    champion(store, 1)
    with pytest.raises(Conflict, match="version 1 is what 'champion' names; move the alias first"):
        store.registry.remove_version("m", 1)
    with pytest.raises(Conflict, match="version 3 is what 'latest' names; fit another first"):
        store.registry.remove_version("m", 3)
    assert store.versions("m") == [1, 2, 3]


def test_old_versions_are_pruned_after_a_publish(tmp_path: Path) -> None:
    """All that no alias names but the newest; with a damaged alias none goes, and the publish succeeds."""
    store = Store(tmp_path, keep_versions=2)
    for job in ("one", "two"):
        publish(store, job)
    champion(store, 1)
    for job in ("three", "four", "five"):
        publish(store, job)
    assert store.versions("m") == [1, 4, 5]
    (tmp_path / "models/m/aliases/champion").write_text("?")
    assert publish(store, "six") == 6
    assert store.versions("m") == [1, 4, 5, 6]
    champion(store, None)
    assert publish(store, "seven") == 7
    assert store.versions("m") == [6, 7]


def test_a_model_is_removed(store: Store, tmp_path: Path) -> None:
    """With its history; a later fit makes it anew."""
    publish(store, "one", model="other")
    store.registry.remove_model("m")
    assert store.registry.names() == ["other"]
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["other"]
    with pytest.raises(NotFound):
        store.resolve("m", None)
    assert publish(store, "one") == 1
    assert moves(store) == [("latest", None, 1, "fit")]


def test_who_waits_for_a_model_that_is_removed(store: Store, tmp_path: Path) -> None:
    """A publish makes it anew, a move finds it gone; neither writes into what was removed."""
    done: list[object] = []

    def wait(call: Callable[[], object]) -> None:
        try:
            done.append(call())
        except NotFound as error:
            done.append(type(error))

    calls = [lambda: publish(Store(tmp_path), "later"), lambda: champion(Store(tmp_path), 2)]
    threads = [threading.Thread(target=wait, args=[call]) for call in calls]
    with store.registry.lock("m"):
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 10
        while waiting(tmp_path) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        (tmp_path / "models/m").rename(tmp_path / "removed")
    for thread in threads:
        thread.join()
    assert NotFound in done and 1 in done
    assert store.versions("m") == [1] and "champion" not in store.aliases("m")


def waiting(folder: Path) -> int:
    """How many wait for the lock of the model, beside the one that holds it."""
    lock = str(folder / "models/m/publish.lock")
    opened = [os.path.realpath(file) for file in Path("/proc/self/fd").iterdir()]
    return opened.count(lock) - 1


TORN = [b'{"alias":"champion","from":3,"to"', b'{"alias":"champion","from":null,"to":1,"at":"2020-01-01T00:00:00Z"}']


@pytest.mark.parametrize("torn", [*TORN, b"\xff", b"{}"])
def test_a_line_that_was_never_finished_is_no_move(store: Store, tmp_path: Path, torn: bytes) -> None:
    """Readers leave it out, and the next move removes it."""
    before = moves(store)
    with (tmp_path / "models/m/history.jsonl").open("ab") as file:
        file.write(torn)
    assert moves(store) == before
    champion(store, 2)
    assert moves(store) == [("champion", None, 2, "request"), *before]


def test_a_move_that_was_never_made_is_no_move(store: Store, tmp_path: Path) -> None:
    """Its process died between the history and the alias."""
    champion(store, 1)
    before = moves(store)
    path = tmp_path / "models/m/aliases/champion"
    content = path.read_text()
    champion(store, 2)
    path.write_text(content)
    assert moves(store) == before
    champion(store, 3)
    assert moves(store) == [("champion", 1, 3, "request"), *before]


def test_a_damaged_line_is_passed_over(store: Store, tmp_path: Path) -> None:
    """And a line of a later release with words that this one does not know."""
    champion(store, 1)
    path = tmp_path / "models/m/history.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = b"?" + lines[1][1:]
    path.write_bytes(b"".join(lines) + lines[0].replace(b'"fit"', b'"dream"'))
    assert [move[2] for move in moves(store)] == [1, 3, 1]
    champion(store, 2)
    assert b"dream" in path.read_bytes()


def test_a_long_history_is_read_from_its_end(store: Store, tmp_path: Path) -> None:
    """Lines cross the blocks in which it is read; none is lost."""
    path = tmp_path / "models/m/history.jsonl"
    line = path.read_text().splitlines()[0]
    path.write_text("".join(line.replace('"to":1', f'"to":{n}') + "\n" for n in range(1, 2001)))
    assert [move.to for move in store.registry.history("m")] == list(range(2000, 0, -1))
    assert [move.to for move in islice(store.registry.history("m"), 2)] == [2000, 1999]


class FullDisk:
    """A disk on which so many syncs succeed."""

    def __init__(self, left: int) -> None:
        self.left = left

    def fsync(self, _: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")


def test_a_full_disk_moves_all_or_nothing(store: Store, tmp_path: Path) -> None:
    """At whichever sync it is full: alias and history agree, and with space it works."""
    champion(store, 1)
    before = moves(store)
    for left in range(3):
        full = Store(tmp_path, DurableFiles(FullDisk(left).fsync))
        with pytest.raises(OSError, match="No space"):
            champion(full, 2)
        number = store.resolve("m", "champion")
        assert moves(store) == ([("champion", 1, 2, "request")] if number == 2 else []) + before
        if number == 2:
            break
    champion(Store(tmp_path), 3)
    assert store.resolve("m", None) == 3


def test_what_killed_removals_left_is_found_and_swept(store: Store, tmp_path: Path) -> None:
    """An hour later: a younger one may belong to somebody at work."""
    name = ".other-0123456789abcdef0123456789abcdef"
    old, young, inside = (tmp_path / "models" / each for each in (name, name.replace("0", "1"), f"m/{name}"))
    for path in (old, young, inside):
        (path / "versions/1").mkdir(parents=True)
    for path in (old, inside):
        os.utime(path, (0, 0))
    assert sorted(store.leftovers()) == sorted([old, inside])
    store.sweep()
    assert not old.exists() and young.exists()
    champion(store, 1)
    assert store.leftovers() == []
