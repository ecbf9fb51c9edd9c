"""The store when its files are damaged: no version that isn't what was written is ever served."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import Damaged
from app.storage.model_store import Store
from tests.support.fakes import manifest, publish, stored_value


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def flipped(path: Path) -> Iterator[bytes]:
    """Change each bit of a file for itself; in the end the file is as it was."""
    intact = path.read_bytes()
    for bit in range(len(intact) * 8):
        damaged = bytearray(intact)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        yield bytes(damaged)
    path.write_bytes(intact)


def test_every_flipped_byte_is_noticed(store: Store, tmp_path: Path) -> None:
    """Arrays in which any single byte has changed are refused."""
    publish(store, "job")
    path = tmp_path / "models/m/versions/1/arrays.npz"
    intact = path.read_bytes()
    for position in range(len(intact)):
        damaged = bytearray(intact)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(Damaged, match="damaged"):
            store.load("m", 1)
    path.write_bytes(intact)
    assert stored_value(store, 1) == 1.0


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 100_000])
def test_other_content_is_noticed(store: Store, tmp_path: Path, content: bytes) -> None:
    """Arrays that are cut short, empty or something else are refused."""
    publish(store, "job")
    (tmp_path / "models/m/versions/1/arrays.npz").write_bytes(content)
    with pytest.raises(Damaged, match="damaged"):
        store.load("m", 1)


def test_missing_arrays_are_noticed(store: Store, tmp_path: Path) -> None:
    """A version without its arrays is damaged, too."""
    publish(store, "job")
    (tmp_path / "models/m/versions/1/arrays.npz").unlink()
    with pytest.raises(Damaged, match="damaged"):
        store.load("m", 1)


@pytest.mark.parametrize("name", ["../2/manifest.json", "/etc/hostname", "a/b", "", ".hidden"])
def test_no_file_outside_a_version_is_read(store: Store, tmp_path: Path, name: str) -> None:
    """Whatever a manifest says."""
    published = store.publish(manifest("job"), {"arrays.npz": b""})
    published.files = {name: published.files["arrays.npz"]}
    published.sha256 = published.digest()
    (tmp_path / "models/m/versions/1/manifest.json").write_bytes(published.to_json())
    with pytest.raises(Damaged, match="damaged"):
        store.load("m", 1)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff", b"[1]"])
def test_a_damaged_manifest_is_noticed(store: Store, tmp_path: Path, content: bytes) -> None:
    """A manifest that can't be read is the service's fault, and never taken for a fault of the request."""
    publish(store, "job")
    (tmp_path / "models/m/versions/1/manifest.json").write_bytes(content)
    with pytest.raises(Damaged, match="damaged"):
        store.load("m", 1)


def test_every_flipped_bit_of_an_alias_is_noticed(tmp_path: Path) -> None:
    """Though most digits that it could become name a version, too; the list leaves it out, and a fit mends it."""
    for number in range(1, 13):
        assert publish(Store(tmp_path), f"job{number}") == number
    for content in flipped(tmp_path / "models/m/aliases/latest"):
        with pytest.raises(Damaged, match="damaged"):
            Store(tmp_path).resolve("m", None)
        assert Store(tmp_path).aliases("m") == {}, content
    assert Store(tmp_path).resolve("m", None) == 12
    (tmp_path / "models/m/aliases/latest").write_text("12 sha256:")
    assert publish(Store(tmp_path), "next") == Store(tmp_path).resolve("m", None) == 13


@pytest.mark.parametrize("content", ["2", "2\n", "2 sha256:d4735e3a265e16ee", "2 sha256:d4735e3a265e16ee\n"])
def test_an_alias_with_and_without_its_check(store: Store, tmp_path: Path, content: str) -> None:
    """What earlier versions wrote and what operators write is the number alone; a copy of another file is well."""
    for job in ("one", "two", "three"):
        publish(store, job)
    (tmp_path / "models/m/aliases/champion").write_text(content)
    assert store.resolve("m", "champion") == 2
    assert store.aliases("m") == {"champion": 2, "latest": 3}


@pytest.mark.parametrize("content", ["", "0", "-1", "+1", "1_0", "1 1", "٣", "9" * 4_000, "1 sha256:d4735e3a265e16ee"])
def test_what_is_no_alias(store: Store, tmp_path: Path, content: str) -> None:
    """A file with anything else, or with the check of another number, is damaged."""
    for number in range(10):
        publish(store, f"job{number}")
    (tmp_path / "models/m/aliases/latest").write_text(content)
    with pytest.raises(Damaged, match="damaged"):
        store.resolve("m", None)


def test_every_flipped_bit_of_a_job_s_note_is_noticed(tmp_path: Path) -> None:
    """A job that publishes again never gets the version of another, nor a second of its own."""
    for number in range(1, 12):
        publish(Store(tmp_path), f"job{number}")
    for content in flipped(tmp_path / "models/m/jobs/job10"):
        with pytest.raises(Damaged, match="damaged"):
            publish(Store(tmp_path), "job10")
        assert len(Store(tmp_path).versions("m")) == 11, content
    assert publish(Store(tmp_path), "job10") == 10
