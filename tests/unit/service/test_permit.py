"""Permits: a fit asks once, when all is written and nothing is visible, and a refusal leaves nothing behind."""

import fcntl
from pathlib import Path

import numpy as np
import pytest

from app.data.records import TableRecords
from app.dispatch.execute import execute
from app.errors import Cancelled, Conflict, NotFitted, TrinityError
from app.model.own_estimators import OwnEstimator
from app.schemas.requests import Request
from app.schemas.tables import Table
from app.schemas.verbs import Verb
from app.service import Service
from app.storage.array_files import pack_arrays
from app.storage.manifest import ARRAYS_FILE, Manifest
from app.storage.model_store import Store
from tests.support.fakes import Clock, Mean, manifest, publish


class Permit:
    """Counts its calls and lists the store's folder in each; raises a given error."""

    def __init__(self, folder: Path, refusal: TrinityError | None = None) -> None:
        self.seen: list[set[str]] = []
        self._folder = folder
        self._refusal = refusal

    def __call__(self) -> None:
        self.seen.append(files(self._folder))
        if self._refusal is not None:
            raise self._refusal


def files(folder: Path) -> set[str]:
    """Every file below, the lock's apart, those of a folder under a temporary name without that name."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "publish.lock")
    return {f"temporary/{path.name}" if "/." in str(path) else str(path.relative_to(folder)) for path in found}


def permitted_publish(store: Store, job: str, permit: Permit) -> Manifest:
    """Publish a small version."""
    return store.publish(manifest(job), {ARRAYS_FILE: pack_arrays({"value_": np.array([1.0])})}, permit=permit)


def service(folder: Path) -> Service:
    """A service that fits means."""
    limits = {"max_design_bytes": 100_000, "max_answer_bytes": 100_000, "max_loaded_bytes": 100_000}
    return Service({"mean": OwnEstimator(Mean)}, "mean", Store(folder), {}, **limits)


def test_a_permit_is_called_when_only_the_name_is_missing(tmp_path: Path) -> None:
    """Once, with both files written under a temporary name and nothing else there."""
    permit = Permit(tmp_path)
    assert permitted_publish(Store(tmp_path), "job", permit).version == 1
    assert permit.seen == [{"temporary/arrays.npz", "temporary/manifest.json"}]


def test_a_permit_is_called_under_the_lock(tmp_path: Path) -> None:
    """Nobody else publishes this model between the permit and the version."""
    free: list[bool] = []

    def permit() -> None:
        with (tmp_path / "models/m/publish.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                free.append(False)
            else:
                free.append(True)

    Store(tmp_path).publish(manifest("job"), {}, permit=permit)
    assert free == [False]


@pytest.mark.parametrize("before", [0, 1])
def test_a_refusal_leaves_nothing(tmp_path: Path, before: int) -> None:
    """No version, no alias, no note of the job and no file; the number is the next job's."""
    store = Store(tmp_path)
    for n in range(before):
        publish(store, f"before{n}")
    there = files(tmp_path)
    with pytest.raises(Conflict, match="fenced"):
        permitted_publish(store, "job", Permit(tmp_path, Conflict("fenced")))
    assert files(tmp_path) == there
    assert not list((tmp_path / "models/m").glob(".*"))
    assert store.versions("m") == list(range(1, before + 1))
    assert publish(store, "job") == before + 1


def test_what_is_published_already_needs_no_permit(tmp_path: Path) -> None:
    """The job gets its version back, even if the permit would refuse now."""
    store, permit = Store(tmp_path), Permit(tmp_path, Conflict("fenced"))
    publish(store, "job")
    assert permitted_publish(store, "job", permit).version == 1
    assert permit.seen == []


def test_what_was_renamed_by_a_process_that_died_needs_no_permit(tmp_path: Path) -> None:
    """A version that has its name was permitted, though nothing points at it yet."""
    store, permit = Store(tmp_path), Permit(tmp_path, Conflict("fenced"))
    publish(store, "job")
    (tmp_path / "models/m/aliases/latest").unlink()
    (tmp_path / "models/m/jobs/job").unlink()
    assert permitted_publish(store, "job", permit).version == 1
    assert permit.seen == []
    assert store.resolve("m", None) == 1


def test_a_fit_ends_in_its_refusal(tmp_path: Path) -> None:
    """What the permit raises is the failure of the fit's job, and the model is as it was: not fitted."""
    trained, clock = service(tmp_path), Clock()
    checked = trained.check("fit", Request(data=TableRecords(Table(np.zeros((2, 1)), np.ones(2)))))
    outcome = execute(trained, checked, "job", clock, Permit(tmp_path, Cancelled("called off")))
    assert outcome.failure == Cancelled("called off").failure()
    with pytest.raises(NotFitted):
        trained.fitted("mean", None)


def test_predictions_need_no_permit(tmp_path: Path) -> None:
    """Only a fit needs a permit."""
    trained, permit = service(tmp_path), Permit(tmp_path)
    data = TableRecords(Table(np.zeros((2, 1)), np.ones(2)))
    verbs: list[Verb] = ["fit", "predict", "score"]
    for verb in verbs:
        assert execute(trained, trained.check(verb, Request(data=data)), "job", permit=permit).failure is None
        assert len(permit.seen) == 1
