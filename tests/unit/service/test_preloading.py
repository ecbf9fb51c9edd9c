"""The versions that requests use first are in memory before them; what cannot be loaded is said and delays nothing."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from app.data.records import TableRecords
from app.model.own_estimators import OwnEstimator
from app.schemas.requests import Request
from app.schemas.tables import Table
from app.service import Service
from app.service.preloading import Preload
from app.service.version_checks import VersionChecks
from app.storage.model_store import Store
from app.storage.registry import Author
from tests.support.fakes import First, Mean

LIMITS = {"max_design_bytes": 2**24, "max_answer_bytes": 2**24}


class Breaking(Mean):
    """A model whose versions cannot be loaded while it is broken."""

    name = "breaking"
    broken: ClassVar[bool] = False

    def prepare(self) -> None:
        if self.broken:
            raise KeyError("a library is gone")


def a_service(store: Path, max_loaded_bytes: int = 2**24, **kinds: Any) -> Service:
    models = {kind.name: OwnEstimator(kind) for kind in (Mean, First, Breaking)}
    return Service(models, "mean", Store(store), {}, max_loaded_bytes=max_loaded_bytes, **LIMITS, **kinds)


def fitted(store: Path, *names: str) -> None:
    service = a_service(store)
    for count, name in enumerate(names):
        service.run(
            service.check("fit", Request(name, data=TableRecords(Table(np.ones((4, 1)), np.arange(4.0))))),
            f"job{count}",
            0.0,
        )


def preload(service: Service) -> Preload:
    return Preload(service, VersionChecks(service.models, service.store))


def loaded(service: Service) -> list[tuple[str, int]]:
    return [(name, n) for name in ("first", "mean", "breaking") for n in (1, 2, 3) if service.loaded(name, n)]


def test_champion_and_latest_are_loaded(tmp_path: Path) -> None:
    """Of each model, and no other version."""
    fitted(tmp_path, "mean", "mean", "mean", "first")
    service = a_service(tmp_path)
    service.store.registry.move("mean", "champion", 1, Author("request"))
    preload(service).run()
    assert loaded(service) == [("first", 1), ("mean", 1), ("mean", 3)]


def test_what_fails_is_said_while_it_is_used(tmp_path: Path) -> None:
    """It keeps no other from being loaded, and is no warning any more when it can be loaded."""
    fitted(tmp_path, "breaking", "mean")
    service = a_service(tmp_path)
    ahead = preload(service)
    Breaking.broken = True
    try:
        ahead.run()
    finally:
        Breaking.broken = False
    assert loaded(service) == [("mean", 1)]
    (warning,) = ahead.warnings()
    assert warning.startswith("breaking, version 1: could not be loaded: ")
    service.fitted("breaking", 1)
    assert ahead.warnings() == []


def test_no_version_is_pushed_out(tmp_path: Path) -> None:
    """Loading ends where memory is full; the default model comes first."""
    fitted(tmp_path, "first", "mean")
    service = a_service(tmp_path, max_loaded_bytes=1)
    preload(service).run()
    assert loaded(service) == [("mean", 1)]


def test_it_ends_with_the_process(tmp_path: Path) -> None:
    """What is not loaded by then is not loaded."""
    fitted(tmp_path, "mean")
    service = a_service(tmp_path)
    ahead = preload(service)
    ahead.stop()
    ahead.run()
    assert loaded(service) == []


def test_an_empty_store(tmp_path: Path) -> None:
    """There is nothing to load, and nothing to warn of."""
    ahead = preload(a_service(tmp_path))
    ahead.run()
    assert ahead.warnings() == []
