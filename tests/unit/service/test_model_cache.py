"""The cache of loaded versions: the most recently used, bounded in number and bytes, safe with threads."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.service.model_cache import ModelCache
from tests.support.fakes import DEADLINE_S, Clock, Gate


class Shelf:
    """Loads (name, version) pairs whose version is their size, and remembers which."""

    def __init__(self, max_count: int = 100, max_bytes: int = 100) -> None:
        self.loads: list[int] = []
        self.get = ModelCache(self._load, lambda pair: pair[1], max_count=max_count, max_bytes=max_bytes).get

    def ask(self, *versions: int) -> None:
        for version in versions:
            assert self.get("m", version) == ("m", version)

    def again(self, *versions: int) -> list[int]:
        """Ask again; the versions that had to be loaded for it."""
        self.loads.clear()
        self.ask(*versions)
        return self.loads

    def _load(self, name: str, version: int) -> tuple[str, int]:
        self.loads.append(version)
        return name, version


def test_what_is_kept_is_not_loaded_again() -> None:
    """The first use loads a version; the same number of another model is another version."""
    shelf = Shelf()
    shelf.ask(1, 2, 1, 2)
    assert shelf.loads == [1, 2]
    assert shelf.get("other", 1) == ("other", 1)


def test_the_bytes_are_bounded() -> None:
    """When they are exceeded, the least recently used versions go, as many as necessary."""
    shelf = Shelf(max_bytes=100)
    shelf.ask(20, 30, 50, 20)
    assert shelf.again(20, 30, 50) == []
    shelf.ask(21)  # 121 bytes: 20 goes, and that's not enough at 101: 30 goes as well
    assert shelf.again(50, 21) == []
    assert shelf.again(30) == [30]


def test_the_number_is_bounded() -> None:
    """However small they are."""
    shelf = Shelf(max_count=3)
    shelf.ask(1, 2, 3, 1, 4)
    assert shelf.again(1, 3, 4) == []
    assert shelf.again(2) == [2]


def test_the_version_used_last_is_kept_however_large() -> None:
    """It takes the place of all others, and goes when another is used."""
    shelf = Shelf(max_bytes=100)
    shelf.ask(1, 2, 1000)
    assert shelf.again(1000, 1000) == []
    assert shelf.again(1, 1000) == [1, 1000]


def test_a_failure_is_not_kept() -> None:
    """What couldn't be loaded is tried again."""
    outcomes: list[int | Exception] = [OSError("away"), 7]

    def load(name: str, version: int) -> int:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    loaded = ModelCache(load, lambda _: 1, max_count=1, max_bytes=1)
    with pytest.raises(OSError, match="away"):
        loaded.get("m", 1)
    assert loaded.get("m", 1) == loaded.get("m", 1) == 7


def test_those_who_miss_the_same_at_once_wait_for_one_load() -> None:
    """All get it, it is loaded once, and another version is loaded meanwhile."""
    loads: list[int] = []
    with Gate() as gate, ThreadPoolExecutor(5) as pool:

        def load(name: str, version: int) -> object:
            loads.append(version)
            if version == 40:
                gate.enter()
            return [version]

        loaded = ModelCache(load, lambda _: 1, max_count=10, max_bytes=100)
        waiting = [pool.submit(loaded.get, "m", 40) for _ in range(4)]
        assert gate.reached.wait(DEADLINE_S)
        assert pool.submit(loaded.get, "m", 60).result(DEADLINE_S) == [60]
        gate.open()
        first, *others = [each.result(DEADLINE_S) for each in waiting]
    assert all(other is first for other in others)
    assert loads == [40, 60]


def test_those_who_wait_have_the_error_of_the_load() -> None:
    """A load that fails does so for all who wait for it, and who comes later tries again."""
    loads: list[int] = []
    with Gate() as gate, ThreadPoolExecutor(4) as pool:

        def load(name: str, version: int) -> int:
            loads.append(version)
            if len(loads) > 1:
                return version
            gate.enter()
            raise OSError("away")

        loaded = ModelCache(load, lambda _: 1, max_count=10, max_bytes=100)
        waiting = [pool.submit(loaded.get, "m", 40) for _ in range(4)]
        assert gate.reached.wait(DEADLINE_S)
        gate.open()
        errors = [each.exception(DEADLINE_S) for each in waiting]
        assert any(isinstance(error, OSError) for error in errors)
        assert loaded.get("m", 40) == 40
    assert len(loads) == 2


def test_many_threads_always_get_what_they_ask_for() -> None:
    """While others push it out, each gets its own version, and the bounds hold."""
    shelf = Shelf(max_count=3, max_bytes=12)
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda turn: shelf.ask(*range(turn % 7, 7), 3), range(2_000)):
            pass
    shelf.ask(4, 5, 3)
    assert shelf.again(4, 5, 3) == []
    assert shelf.again(6) == [6]


def test_another_revision_is_loaded_again() -> None:
    """Once for all who ask; a version that is gone is not given, though it is kept."""
    revisions: dict[int, int] = {7: 1, 8: 1}
    loads: list[int] = []

    def load(_: str, version: int) -> int:
        loads.append(version)
        return revisions[version]

    loaded = ModelCache(load, lambda _: 1, lambda _, version: revisions[version], max_count=9, max_bytes=9)
    assert [loaded.get("m", version) for version in (7, 8, 7, 8)] == [1, 1, 1, 1]
    revisions[7] = 2
    assert (loaded.peek("m", 7) is None, loaded.peek("m", 8) is None) == (True, False)
    assert [loaded.get("m", version) for version in (7, 8, 7, 8)] == [2, 1, 2, 1]
    assert loads == [7, 8, 7]
    assert loaded.peek("m", 7) is not None
    del revisions[8]
    with pytest.raises(KeyError):
        loaded.get("m", 8)


def test_what_changes_while_it_is_loaded_is_loaded_again() -> None:
    """It may be half of each."""
    revision = [1]

    def load(*_: object) -> int:
        before, revision[0] = revision[0], 2
        return before

    loaded = ModelCache(load, lambda _: 1, lambda *_: revision[0], max_count=9, max_bytes=9)
    assert loaded.get("m", 1) == 1
    assert loaded.get("m", 1) == loaded.get("m", 1) == 2


def test_what_was_just_looked_at_is_not_looked_at_again() -> None:
    """For `fresh_s` seconds after a use that looked, uses cost no look; then the next one looks."""
    clock, looks, revision = Clock(), [0], [1]

    def look(*_: object) -> int:
        looks[0] += 1
        return revision[0]

    loaded = ModelCache(lambda *_: revision[0], lambda _: 1, look, max_count=9, max_bytes=9, fresh_s=1, clock=clock)
    assert (loaded.get("m", 1), loaded.peek("m", 1)) == (1, 1)
    looks[0], revision[0] = 0, 2
    assert (loaded.get("m", 1), loaded.peek("m", 1), looks[0]) == (1, 1, 0)
    clock.tick(1)
    assert (loaded.get("m", 1), looks[0] > 0) == (2, True)


def test_what_was_pushed_out_is_not_held() -> None:
    """Its memory is free, though it was looked at just before."""

    class Version:
        """Something that can be weakly referred to."""

    loaded = ModelCache(lambda *_: Version(), lambda _: 1, max_count=1, max_bytes=9, fresh_s=60)
    first = weakref.ref(loaded.get("m", 1))
    assert loaded.peek("m", 1) is first()
    loaded.get("m", 2)
    gc.collect()
    assert first() is None
