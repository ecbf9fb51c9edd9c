"""The disk: what was published is there after a power cut, the folders on the way to it included."""

import os
import stat
from pathlib import Path

import pytest

from app.storage.durable_files import DurableFiles
from app.storage.model_store import Store
from tests.support.fakes import publish


class PowerCut:
    """Knows what a power cut leaves: files that were synced, in folders whose entries were synced after them."""

    def __init__(self) -> None:
        self._files: set[int] = set()
        self._folders: dict[int, dict[str, int]] = {}

    def fsync(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            self._folders[found.st_ino] = {entry.name: entry.inode() for entry in os.scandir(descriptor)}
        else:
            self._files.add(found.st_ino)

    def leaves(self, folder: Path) -> set[Path]:
        """All below a folder that was there before."""
        return self._below(folder, folder.stat().st_ino)

    def _below(self, folder: Path, inode: int) -> set[Path]:
        left = set()
        for name, entry in self._folders.get(inode, {}).items():
            path = folder / name
            if path.is_dir() or entry in self._files:
                left |= {path} | self._below(path, entry)
        return left


@pytest.fixture
def power_cut() -> PowerCut:
    return PowerCut()


def test_what_was_published_survives_a_power_cut(tmp_path: Path, power_cut: PowerCut) -> None:
    """After each publish all files of the store, and every folder made for them, are on the disk."""
    store = Store(tmp_path / "new/store", DurableFiles(power_cut.fsync))
    for job, model in (("first", "a"), ("second", "a"), ("third", "b")):
        publish(store, job, model=model)
        there = {path for path in tmp_path.rglob("*") if path.name != "publish.lock"}
        assert {path.name for path in there} >= {"versions", "aliases", "jobs", "arrays.npz", "latest", job}
        assert power_cut.leaves(tmp_path) == there


def test_the_folder_that_the_start_makes_survives_a_power_cut(tmp_path: Path, power_cut: PowerCut) -> None:
    """The check at the start makes the store's folders, which no later publish finds missing."""
    Store(tmp_path / "store", DurableFiles(power_cut.fsync)).check()
    assert power_cut.leaves(tmp_path) == {tmp_path / "store", tmp_path / "store/models"}
