"""Numbers of versions: none is given twice, whatever an operator removed and wherever a process died."""

import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest

from app.storage.durable_files import DurableFiles
from app.storage.model_store import Store
from app.storage.version_numbers import LAST_VERSION
from tests.support.fakes import manifest, publish, stored_value

SYNCS = 40  # more than a publish has


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def remove(folder: Path, version: int) -> None:
    """What an operator does by hand."""
    shutil.rmtree(folder / f"models/m/versions/{version}")


def publish_and_die(folder: Path, job: str, at: int) -> None:
    """Publish, and be killed at that sync of a file or folder."""
    count = 0

    def sync_or_die(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
        os.fsync(descriptor)

    publish(Store(folder, DurableFiles(sync_or_die)), job)


def test_a_removed_version_leaves_its_number_taken(store: Store, tmp_path: Path) -> None:
    """Also the newest, also all of them, and also for a process that starts after that."""
    for n in (1, 2, 3):
        publish(store, f"job{n}")
    remove(tmp_path, 3)
    assert publish(store, "job4") == 4
    for n in (1, 2, 4):
        remove(tmp_path, n)
    assert publish(Store(tmp_path), "job5") == 5
    assert store.versions("m") == [5]


@pytest.mark.parametrize("content", [None, b"", b"2", b"9 sha256:0000000000000000", b"\xff", b"-1"])
def test_without_an_intact_counter_the_notes_of_jobs_tell(store: Store, tmp_path: Path, content: bytes | None) -> None:
    """A store of an earlier release has no counter; one that says less than there is does not count either."""
    for n in (1, 2, 3):
        publish(store, f"job{n}")
    counter = tmp_path / "models/m" / LAST_VERSION
    if content is None:
        counter.unlink()
    else:
        counter.write_bytes(content)
    if content != b"2":  # an intact number, of an older backup
        remove(tmp_path, 3)
    assert publish(Store(tmp_path), "job4") == 4
    remove(tmp_path, 4)
    assert publish(Store(tmp_path), "job5") == 5


def test_versions_put_there_by_hand_count(store: Store, tmp_path: Path) -> None:
    """Such as those of a backup that is newer than the counter."""
    publish(store, "one")
    shutil.copytree(tmp_path / "models/m/versions/1", tmp_path / "models/m/versions/7")
    assert publish(store, "two") == 8


def test_a_fit_that_is_refused_or_fails_takes_no_number(store: Store) -> None:
    """Numbers are skipped by deaths only."""
    publish(store, "one")
    for _ in range(3):
        with pytest.raises(PermissionError):
            publish_refused(store)
    assert publish(store, "two") == 2


def publish_refused(store: Store) -> None:
    def refuse() -> None:
        raise PermissionError

    store.publish(manifest("refused"), {}, refuse)


def test_a_death_at_any_moment_gives_no_number_twice(tmp_path: Path) -> None:
    """Killed at each sync in turn: what is there is whole, and its number is taken for good though it is removed."""
    spawn, seen = multiprocessing.get_context("spawn"), 0
    for at in range(1, SYNCS):
        job = f"job{at}"
        child = spawn.Process(target=publish_and_die, args=(tmp_path, job, at))
        child.start()
        child.join()
        for version in Store(tmp_path).versions("m"):
            assert stored_value(Store(tmp_path), version) == 1.0
            assert version > seen
            seen = version
            remove(tmp_path, version)
        if child.exitcode == 0:
            break
    assert child.exitcode == 0 and at > 5
    after = publish(Store(tmp_path), "last")
    assert after > seen
    assert [path.name for path in (tmp_path / "models/m").iterdir() if path.name.startswith(".")] == []
