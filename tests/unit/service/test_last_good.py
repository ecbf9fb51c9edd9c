"""The version that answers in place of one that cannot be loaded, and when that one is tried again."""

from pathlib import Path

import pytest

from app.service.last_good import CHANGED_RETRY_S, RETRY_S, LastGood
from app.storage.manifest import ARRAYS_FILE
from app.storage.model_store import Store
from tests.support.fakes import Clock, publish


class Served:
    """The model `m`, whose version 1 answers while version 2 cannot be loaded."""

    def __init__(self, folder: Path) -> None:
        self.store, self.clock = Store(folder), Clock()
        self.file = folder / "models/m/versions/2" / ARRAYS_FILE
        for job in ("first", "second"):
            publish(self.store, job)
        self.last_good = LastGood(self.store.file_states, self.clock)
        self.last_good.note("m", 1)
        self.fail()

    def fail(self) -> None:
        self.last_good.failed("m", 2, self.store.file_states("m", 2), "it is damaged")

    @property
    def answers(self) -> int:
        return self.last_good.instead_of("m", 2)


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


def test_a_version_that_cannot_be_loaded_is_tried_again_after_a_while(served: Served) -> None:
    """Its files may be sound, and a library missing."""
    served.clock.tick(RETRY_S - 0.1)
    assert served.answers == 1
    served.clock.tick(0.1)
    assert served.answers == 2
    served.fail()
    assert served.answers == 1


def test_it_is_tried_again_as_soon_as_any_of_its_files_has_changed(served: Served) -> None:
    """Not each time while they are copied: then every request would wait for a load that fails."""
    served.file.write_bytes(b"half of ")
    assert served.answers == 1
    served.clock.tick(CHANGED_RETRY_S)
    assert served.answers == 2
    served.fail()
    served.file.write_bytes(b"half of it, and the rest")
    assert served.answers == 1
    served.clock.tick(CHANGED_RETRY_S)
    assert served.answers == 2


def test_a_version_that_was_removed_is_looked_up_again(served: Served) -> None:
    """So that its caller is told."""
    served.store.registry.remove_model("m")
    served.clock.tick(CHANGED_RETRY_S)
    assert served.answers == 2
