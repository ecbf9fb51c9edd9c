"""The store when its files are damaged: no version that isn't what was written is ever served."""

from pathlib import Path

import pytest

from app.errors import ModelFailed
from app.store import Store
from tests.unit.fakes import publish


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_every_flipped_byte_is_noticed(store: Store, tmp_path: Path) -> None:
    """Arrays in which any single byte has changed are refused."""
    publish(store, "job")
    path = tmp_path / "models/m/versions/1/arrays.npz"
    intact = path.read_bytes()
    for position in range(len(intact)):
        damaged = bytearray(intact)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(ModelFailed, match="damaged"):
            store.load("m", 1)
    path.write_bytes(intact)
    assert store.load("m", 1)[1]["value_"] == [1.0]


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 100_000])
def test_other_content_is_noticed(store: Store, tmp_path: Path, content: bytes) -> None:
    """Arrays that are cut short, empty or something else are refused."""
    publish(store, "job")
    (tmp_path / "models/m/versions/1/arrays.npz").write_bytes(content)
    with pytest.raises(ModelFailed, match="damaged"):
        store.load("m", 1)


def test_missing_arrays_are_noticed(store: Store, tmp_path: Path) -> None:
    """A version without its arrays is damaged, too."""
    publish(store, "job")
    (tmp_path / "models/m/versions/1/arrays.npz").unlink()
    with pytest.raises(ModelFailed, match="damaged"):
        store.load("m", 1)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff", b"[1]"])
def test_a_damaged_manifest_is_noticed(store: Store, tmp_path: Path, content: bytes) -> None:
    """A manifest that can't be read is the service's fault, and never taken for a fault of the request."""
    publish(store, "job")
    (tmp_path / "models/m/versions/1/manifest.json").write_bytes(content)
    with pytest.raises(ModelFailed, match="damaged"):
        store.load("m", 1)
