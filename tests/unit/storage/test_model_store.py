"""The store: versions count without gaps, are all there or not at all, and are refused when they are damaged."""

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app.errors import NotFound
from app.storage.array_files import pack_arrays, unpack_arrays
from app.storage.file_states import FRESH_S
from app.storage.model_store import Store
from tests.support.fakes import Clock, manifest, publish, stored_value

PROCESSES, EACH = 4, 6


def publish_many(folder: Path, name: str) -> list[int]:
    """What one process of many does; a function of the module, so that a new process can find it."""
    return [publish(Store(folder), f"{name}-{i}") for i in range(EACH)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def unannounce(folder: Path, job: str, latest: int | None, *, marked: bool) -> None:
    """Bring the files into the state in which a process that died while announcing `job` leaves them."""
    alias = folder / "models/m/aliases/latest"
    if latest is None:
        alias.unlink()
    else:
        alias.write_text(str(latest))
    if not marked:
        (folder / "models/m/jobs" / job).unlink()


def leave(folder: Path) -> None:
    """Bring a temporary folder into the state in which a process that was killed leaves it."""
    folder.mkdir()
    (folder / "arrays.npz").write_bytes(b"half")


def test_what_was_published_is_loaded(store: Store) -> None:
    """Manifest, files and their arrays come back as they were, bit by bit."""
    arrays = {"a_": np.array([0.1, -0.0, 5e-324]), "b_": np.arange(6.0).reshape(2, 3), "c_": np.array([], dtype=int)}
    published = store.publish(manifest("job"), {"arrays.npz": pack_arrays(arrays), "model.onnx": b"\0\1"})
    loaded, files = store.load("m", 1)
    assert loaded == published
    assert (files.keys(), files["model.onnx"]) == ({"arrays.npz", "model.onnx"}, b"\0\1")
    restored = unpack_arrays(files["arrays.npz"])
    assert restored.keys() == arrays.keys()
    assert all(restored[key].tobytes() == arrays[key].tobytes() for key in arrays)
    assert all(restored[key].shape == arrays[key].shape for key in arrays)


def test_versions_count_from_one(store: Store) -> None:
    """Each job publishes the next version, and `latest` points at it."""
    for n in (1, 2, 3):
        assert publish(store, f"job{n}") == n
        assert store.resolve("m", None) == store.resolve("m", "latest") == store.resolve("m", n) == n
    assert store.versions("m") == [1, 2, 3]
    assert store.aliases("m") == {"latest": 3}


def test_ten_follows_nine(store: Store) -> None:
    """Versions are ordered as numbers and not as words."""
    for n in range(1, 12):
        assert publish(store, f"job{n}") == n
    assert store.versions("m") == list(range(1, 12))


def test_models_count_for_themselves(store: Store) -> None:
    """Each model has its own versions."""
    publish(store, "job", model="a")
    assert publish(store, "job", model="b") == 1
    assert store.versions("c") == []


def test_many_processes_publish(tmp_path: Path) -> None:
    """Versions of many processes are 1 … n without gaps, one each, and latest is n."""
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        made = list(pool.map(publish_many, [tmp_path] * PROCESSES, map(str, range(PROCESSES))))
    everything = list(range(1, PROCESSES * EACH + 1))
    assert sorted(version for versions in made for version in versions) == everything
    assert all(versions == sorted(versions) for versions in made)
    assert Store(tmp_path).versions("m") == everything
    assert Store(tmp_path).resolve("m", "latest") == everything[-1]


def test_threads_of_one_store_publish(store: Store) -> None:
    """The lock holds between threads of one process as well."""
    made: list[int] = []
    threads = [threading.Thread(target=lambda i=i: made.append(publish(store, f"job{i}"))) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(1, 9))


def test_a_reader_never_sees_half_a_version(tmp_path: Path) -> None:
    """While versions are published, every resolve gives one that loads whole, and never an older than before."""
    reader, done, seen = Store(tmp_path), threading.Event(), [1]
    publish(reader, "first", 1.0)

    def write() -> None:
        for n in range(2, 30):
            publish(Store(tmp_path), f"job{n}", float(n))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        version = reader.resolve("m", None)
        assert version >= seen[-1]
        assert stored_value(reader, version) == version
        seen.append(version)
    writer.join()
    assert reader.resolve("m", None) == 29


def test_another_process_sees_a_version_at_once(tmp_path: Path) -> None:
    """A store that has read the alias before reads the new one at the next call."""
    web, worker = Store(tmp_path), Store(tmp_path)
    for n in range(1, 6):
        publish(worker, f"job{n}")
        assert web.resolve("m", None) == n


def test_a_job_that_publishes_twice_gets_its_version_back(store: Store) -> None:
    """A repeated job makes no second version, whatever came in between, and what it made is unchanged."""
    assert publish(store, "mine", 1.0) == 1
    assert publish(store, "other", 2.0) == 2
    assert publish(store, "mine", 3.0) == 1
    assert store.versions("m") == [1, 2]
    assert store.resolve("m", None) == 2
    assert stored_value(store, 1) == 1.0


@pytest.mark.parametrize("latest", [1, 2], ids=["before the alias", "before the marker"])
def test_a_job_that_died_while_announcing_gets_its_version(store: Store, tmp_path: Path, latest: int) -> None:
    """The folder was renamed, then the process died: the same job's next try finds its version and announces it."""
    publish(store, "before")
    publish(store, "dies", 2.0)
    unannounce(tmp_path, "dies", latest=latest, marked=False)
    assert store.resolve("m", None) == latest
    assert publish(store, "dies", 3.0) == 2
    assert store.versions("m") == [1, 2]
    assert store.resolve("m", None) == 2
    assert stored_value(store, 2) == 2.0


@pytest.mark.parametrize("latest", [None, 1], ids=["before the alias", "before the marker"])
def test_a_death_while_announcing_the_first_version(store: Store, tmp_path: Path, latest: int | None) -> None:
    """The same when there is no alias yet."""
    publish(store, "dies")
    unannounce(tmp_path, "dies", latest=latest, marked=False)
    assert publish(store, "dies") == 1
    assert store.resolve("m", None) == 1


def test_a_death_while_announcing_does_not_stop_others(store: Store, tmp_path: Path) -> None:
    """Another job publishes the next version, and the one that died still gets its own."""
    publish(store, "dies")
    unannounce(tmp_path, "dies", latest=None, marked=False)
    assert publish(store, "other") == 2
    assert publish(store, "dies") == 1
    assert store.resolve("m", None) == 2


def test_what_a_dying_writer_leaves_is_no_version(store: Store, tmp_path: Path) -> None:
    """A temporary folder that was never renamed counts for nothing."""
    publish(store, "first")
    leave(tmp_path / "models/m/.2-0123456789abcdef0123456789abcdef")
    assert store.versions("m") == [1]
    assert publish(store, "second") == 2


def test_what_dying_writers_left_is_swept(store: Store, tmp_path: Path) -> None:
    """The next publish removes temporary folders and files, of this model alone, and nothing else is touched."""
    publish(store, "first", model="other")
    publish(store, "first")
    kept = {".DS_Store", ".2-notes", "2-0123456789abcdef0123456789abcdef"}
    for name in kept:
        (tmp_path / "models/m" / name).touch()
    foreign = tmp_path / "models/other/.2-0123456789abcdef0123456789abcdef"
    leave(foreign)
    leave(tmp_path / "models/m/.2-0123456789abcdef0123456789abcdef")
    for name in ("latest", "first"):
        (tmp_path / f"models/m/.{name}-fedcba9876543210fedcba9876543210").write_text("2")
    publish(store, "second")
    left = {path.name for path in (tmp_path / "models/m").iterdir()}
    assert left == kept | {"versions", "aliases", "jobs", "history.jsonl", "publish.lock", "last_version"}
    assert foreign.exists()


def test_a_failed_write_leaves_nothing(store: Store, tmp_path: Path) -> None:
    """A file that cannot be written makes no version and leaves nothing; nor do objects, which would be pickles."""
    publish(store, "first")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FileNotFoundError):
        store.publish(manifest("bad"), {"arrays.npz": b"1", "missing/model.onnx": b"2"})
    with pytest.raises(ValueError, match="allow_pickle"):
        store.publish(manifest("bad"), {"arrays.npz": pack_arrays({"value_": np.array([object()])})})
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", [".DS_Store", "lost+found", "2~", "backup-1"])
def test_strange_names_among_the_versions_are_ignored(store: Store, tmp_path: Path, name: str) -> None:
    """What other programs leave in the folder is no version."""
    publish(store, "first")
    (tmp_path / "models/m/versions" / name).mkdir()
    assert store.versions("m") == [1]
    assert publish(store, "second") == 2


BAITED = [
    "../secret",
    "../../m/aliases/latest",
    "./latest",
    "/etc/hostname",
    "..",
    ".",
    "latest/",
    "latest\n",
    "latest\0",
]


@pytest.mark.parametrize("alias", [*BAITED, "LATEST", "a" * 65, "é", "champion", "1", "-1", "1.0", "~", "$HOME", "*"])
def test_an_alias_is_a_name_and_no_path(store: Store, tmp_path: Path, alias: str) -> None:
    """Whatever isn't an alias of the model is not found, and no file elsewhere is read for it."""
    publish(store, "job")
    (tmp_path / "models/m/secret").write_text("1")
    with pytest.raises(NotFound) as caught:
        store.resolve("m", alias)
    assert [fault.pointer for fault in caught.value.faults] == ["/version"]


def test_an_alias_of_ones_own(store: Store, tmp_path: Path) -> None:
    """An alias file that an operator writes is served."""
    publish(store, "one")
    publish(store, "two")
    (tmp_path / "models/m/aliases/champion").write_text("1\n")
    assert store.resolve("m", "champion") == 1
    assert store.aliases("m") == {"champion": 1, "latest": 2}


@pytest.mark.parametrize("digits", [1, 20, 300, 4000])
def test_a_number_that_is_no_version(store: Store, digits: int) -> None:
    """A version that isn't there is not found, however long its number."""
    publish(store, "job")
    with pytest.raises(NotFound) as caught:
        store.manifest("m", int("9" * digits))
    assert len(caught.value.detail) < 200


def test_nothing_published(store: Store) -> None:
    """A model without versions has none to resolve, list or read."""
    assert (store.versions("m"), store.aliases("m")) == ([], {})
    for ask in (lambda: store.resolve("m", None), lambda: store.manifest("m", 1)):
        with pytest.raises(NotFound):
            ask()


def test_check_raises_unless_it_can_write(store: Store, tmp_path: Path) -> None:
    """A store in a folder is well and leaves nothing there; one below a file is not."""
    store.check()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Store(tmp_path / "file").check()


def test_an_alias_is_looked_at_again_when_what_was_seen_is_old(tmp_path: Path) -> None:
    """A predict costs no system call while the last look is fresh."""
    clock = Clock()
    reader, writer = Store(tmp_path, clock=clock), Store(tmp_path)
    publish(writer, "first")
    assert reader.resolve("m", None) == 1
    publish(writer, "second")
    assert reader.resolve("m", None) == 1
    clock.tick(FRESH_S)
    assert reader.resolve("m", None) == 2


def test_a_version_is_answered_when_every_process_finds_it(tmp_path: Path) -> None:
    """After the alias moved, publishing goes on for as long as a process may trust an older look at it."""
    seen: list[tuple[float, int]] = []
    writer = Store(tmp_path, pause=lambda pause_s: seen.append((pause_s, Store(tmp_path).resolve("m", None))))
    assert publish(writer, "job") == 1
    assert seen == [(FRESH_S, 1)]
