"""Several processes change one store at random and are killed at random: what is left is whole.

TRINITY_STRESS_S makes it longer than the seconds of a test run.
"""

import multiprocessing
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from app.errors import Conflict, NotFound
from app.schemas.registry import version_before
from app.storage.model_store import Store
from app.storage.registry import Author
from tests.support.fakes import publish, stored_value

BY_REQUEST = Author("request")
PROCESSES = 4
STRESS_S = float(os.environ.get("TRINITY_STRESS_S", "4"))
FORKED = multiprocessing.get_context("forkserver")
ALIASES = ("champion", "trial", "shadow")


def change(folder: Path, seed: int) -> None:
    """Change the store for ever. What was published is noted: a number, and what its version holds."""
    rng = random.Random(seed)
    with (folder / "published").open("ab", buffering=0) as noted:
        while True:
            store = Store(folder, keep_versions=rng.choice([0, 3, 6]))
            with suppress(NotFound, Conflict):
                _change_once(store, rng, noted.write)


def _change_once(store: Store, rng: random.Random, note: Callable[[bytes], int | None]) -> None:
    registry, alias, value = store.registry, rng.choice(ALIASES), rng.randrange(2**40)
    versions = store.versions("m") or [1]
    match rng.randrange(7):
        case 0 | 1:
            version = publish(store, f"job-{value}", float(value))
            note(b"%d %d\n" % (version, value))
        case 2 | 3:
            current = store.aliases("m").get(alias)
            registry.move("m", alias, rng.choice([*versions, None]), BY_REQUEST, current)
        case 4:
            before = version_before(registry.history("m"), alias, store.aliases("m").get(alias), versions)
            registry.move("m", alias, before, Author("rollback"))
        case 5:
            registry.remove_version("m", rng.choice(versions))
        case _:
            store.files("m", rng.choice(versions))


def _started(folder: Path, rng: random.Random) -> BaseProcess:
    process = FORKED.Process(target=change, args=(folder, rng.randrange(2**32)), daemon=True)
    process.start()
    return process


@pytest.mark.parametrize("seed", [11])
def test_what_killed_processes_leave_is_whole(tmp_path: Path, seed: int) -> None:
    """No alias of a version that is gone, no number twice, no gap in the history of an alias, nothing unfinished."""
    rng = random.Random(seed)
    FORKED.set_forkserver_preload([__name__])
    publish(Store(tmp_path), "first", 1.0)
    (tmp_path / "published").touch()
    deadline_s = time.monotonic() + STRESS_S
    running = [_started(tmp_path, rng) for _ in range(PROCESSES)]
    while time.monotonic() < deadline_s:
        time.sleep(rng.uniform(0.1, 0.5))
        place = rng.randrange(PROCESSES)
        running[place].kill()
        running[place].join()
        running[place] = _started(tmp_path, rng)
        _check_readable(Store(tmp_path))
    for process in running:
        process.kill()
        process.join()
    publish(Store(tmp_path), "last", 2.0)  # mends what they left
    _check_whole(tmp_path)


def _check_readable(store: Store) -> None:
    """While others write: what is served can be read, or was removed just now."""
    with suppress(NotFound):
        store.load("m", store.resolve("m", None))


def _check_whole(folder: Path) -> None:
    store, model = Store(folder), folder / "models/m"
    versions, aliases = store.versions("m"), store.aliases("m")
    assert set(store.alias_names("m")) == set(aliases)
    assert set(aliases.values()) <= set(versions)
    assert aliases["latest"] == versions[-1]
    for version in versions:
        store.load("m", version)
    assert not [path.name for path in model.iterdir() if path.name.startswith(".")]
    noted = dict(_noted(folder))
    assert all(stored_value(store, version) == noted[version] for version in versions if version in noted)
    assert len(noted) > STRESS_S / 2
    stands: dict[str, int | None] = {}
    for move in reversed(list(store.registry.history("m"))):
        assert move.from_ == stands.get(move.alias), move
        stands[move.alias] = move.to
    assert {alias: to for alias, to in stands.items() if to is not None} == aliases


def _noted(folder: Path) -> Iterator[tuple[int, int]]:
    """What was published, each number once."""
    seen: set[int] = set()
    for line in (folder / "published").read_text().splitlines():
        version, value = map(int, line.split())
        assert version not in seen, "a number was given twice"
        seen.add(version)
        yield version, value
