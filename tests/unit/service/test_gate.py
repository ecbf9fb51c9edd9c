"""The gate when its process dies, and when others move the alias meanwhile: one outcome, found again by each try."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import Unavailable
from app.schemas.requests import Promotion
from app.schemas.tables import Table
from app.service.gate import MAX_TRIES, promote
from app.storage.model_store import Store
from app.storage.registry import Author
from tests.support.fakes import publish

GATE = Promotion("champion", "r2", 0.0, Table(np.zeros((1, 1))))
SCORES = {1: 0.5, 2: 0.9, 3: 0.7}


class Killed(BaseException):
    """The process died."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two versions, the first of which is the champion."""
    store = Store(tmp_path)
    publish(store, "one")
    move(store, 1)
    publish(store, "two")
    return store


def move(store: Store, to: int) -> None:
    store.registry.move("m", "champion", to, Author("request"))


def score(version: int) -> Mapping[str, Any]:
    return {"r2": SCORES[version]}


def gate(store: Store, version: int, how: Callable[[int], Mapping[str, Any]] = score) -> dict[str, Any]:
    return promote(store, "m", version, GATE, how)


def moves(store: Store) -> list[tuple[int | None, int | None, str]]:
    return [(each.from_, each.to, each.why) for each in store.registry.history("m") if each.alias == "champion"]


def test_a_try_that_died_before_its_move_is_made_up_for(store: Store) -> None:
    """The next try decides."""

    def die(_: int) -> Mapping[str, Any]:
        raise Killed

    with pytest.raises(Killed):
        gate(store, 2, die)
    assert store.resolve("m", None) == 1
    assert gate(store, 2)["promoted"]
    assert store.resolve("m", None) == 2


def test_a_try_after_the_move_finds_it(store: Store) -> None:
    """It says the same, and moves nothing again, whatever happened since."""
    first = gate(store, 2)
    assert gate(store, 2) == first
    assert (first["champion"], first["champion_score"], first["score"]) == (1, 0.5, 0.9)
    assert moves(store) == [(1, 2, "gate"), (None, 1, "request")]
    move(store, 1)
    assert gate(store, 2)["promoted"]
    assert store.resolve("m", None) == 1


def test_an_old_champion_that_is_gone_since(store: Store) -> None:
    """The decision stands, and there is nothing to score."""
    gate(store, 2)
    store.registry.remove_version("m", 1)

    def scored(version: int) -> Mapping[str, Any]:
        store.manifest("m", version)
        return score(version)

    again = gate(store, 2, scored)
    assert (again["promoted"], again["champion"], again["champion_score"]) == (True, 1, None)


def test_somebody_moves_the_alias_while_versions_are_scored(store: Store) -> None:
    """The new version is compared with the one that has the alias then."""
    publish(store, "three")

    def scored(version: int) -> Mapping[str, Any]:
        if version == 1:
            move(store, 2)
        return score(version)

    decided = gate(store, 3, scored)
    assert (decided["promoted"], decided["champion"], decided["champion_score"]) == (False, 2, 0.9)
    assert store.resolve("m", None) == 2


def test_an_alias_that_never_rests(store: Store) -> None:
    """After some tries the caller is asked to come again."""
    publish(store, "three")
    asked: list[int] = []

    store_move = store.registry.move

    def moved(*args: Any, **kwargs: Any) -> Any:
        asked.append(1)
        move_to = 2 if store.resolve("m", "champion") == 1 else 1
        store_move("m", "champion", move_to, Author("request"))
        return store_move(*args, **kwargs)

    store.registry.move = moved  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        promote(store, "m", 3, GATE, lambda version: {"r2": {1: 0.1, 2: 0.2, 3: 0.9}[version]})
    assert len(asked) == MAX_TRIES


def test_the_new_version_has_the_alias_already(store: Store) -> None:
    """Somebody moved it there first; it stays, and no move of the gate is kept."""
    move(store, 2)
    decided = gate(store, 2)
    assert store.resolve("m", None) == 2 and decided["champion"] == 2
    assert decided["detail"] == "it has the alias already"
    assert moves(store)[0] == (1, 2, "request")
