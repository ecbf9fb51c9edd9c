"""Choice sets in the database of an application, over SQLite and a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from app.data.choice_sets import ChoiceParams, is_held_out
from app.errors import Invalid, NotFound
from tests.support.postgres import missing_postgres, postgres
from tests.support.shop.database import Good, Offer, database, offers

RANKING = {"y": [0.5, 2.0, 1.0], "kept": {"good_id": [1, 2, 3], "price": [10, 20, 30]}}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"], autouse=True)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A shop of five goods."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as environment:
        if request.param == "sqlite":
            environment.setenv("DATABASE_URL", f"sqlite:///{folder}/shop.sqlite")
            yield from _filled()
            return
        if missing := missing_postgres():
            pytest.skip(missing)
        with postgres(folder) as url:
            environment.setenv("DATABASE_URL", url)
            yield from _filled()


def _filled() -> Iterator[None]:
    database.migrate()
    with database.engine().begin() as connection:
        connection.execute(insert(Good), [{"id": i + 1, "name": f"Good {i + 1}"} for i in range(5)])
    yield
    database.engine().dispose()


def shown(offer: str, limit: int = 10) -> list[tuple[int, str, float]]:
    return [(row.position, good.name, row.price) for row, good in offers.shown(offer, limit, Good)]


def test_the_best_are_shown_first_and_stay_as_they_were() -> None:
    offers.add("first", customer="Ada")
    assert shown("first") == []
    offers.show("first", RANKING, 2, version=7)
    assert shown("first") == [(0, "Good 2", 20.0), (1, "Good 3", 30.0)]
    assert shown("first", 1) == [(0, "Good 2", 20.0)]
    offers.show("first", {**RANKING, "y": [3.0, 2.0, 1.0]}, 3)
    assert shown("first")[:2] == [(0, "Good 2", 20.0), (1, "Good 3", 30.0)]
    (row,) = database.read_page(Offer, "", 1)[0]
    assert (row["customer"], row["version"], row["held_out"]) == ("Ada", 7, is_held_out("first"))


def test_probabilities_are_those_of_the_utilities() -> None:
    offers.add("even")
    offers.show("even", {**RANKING, "y": [1.0, 1.0, 1.0]}, 3)
    assert [row.probability for row, _ in offers.shown("even", 3, Good)] == pytest.approx([1 / 3] * 3)


def test_what_is_unknown_or_was_not_shown_cannot_be_chosen() -> None:
    with pytest.raises(NotFound):
        offers.shown("none", 10, Good)
    for offer in ("none", "empty"):
        if offer == "empty":
            offers.add(offer)
        with pytest.raises(NotFound, match="has shown nothing"):
            offers.choose(offer, 1)
    offers.add("seen")
    offers.show("seen", RANKING, 2)
    with pytest.raises(Invalid) as refused:
        offers.choose("seen", 1)
    assert refused.value.pointers == ["/good_id"]


def test_the_last_choice_counts_and_may_be_none_of_the_set() -> None:
    offers.add("changing")
    offers.show("changing", RANKING, 3)
    before = offers.statistics()
    assert [offers.choose("changing", item) for item in (3, 2, None, 3)] == [1, 0, None, 1]
    after = offers.statistics()
    assert (after["answered"] - before["answered"], after["chosen"] - before["chosen"]) == (1, 1)


def test_choices_are_read_as_a_conditional_logit_takes_them() -> None:
    """With the weights 1 / (how often the position of the choice is looked at) where they are held out."""
    parts: dict[bool, list[tuple[str, int | None]]] = {False: [], True: []}
    for i, choice in enumerate([2, 3, None, 1] * 5):
        offer = f"a-{i}"  # those of the same second come in the order of their ids
        offers.add(offer)
        offers.show(offer, RANKING, 3)
        offers.choose(offer, choice)
        parts[is_held_out(offer)].append((offer, choice))
    for held_out, made in parts.items():
        part: Any = "held_out" if held_out else "train"
        table = offers.read(ChoiceParams(part, choice_sets=len(made)))
        assert table.inputs == ["choice_set", "position", "price", "good_id"] and made
        X, y = table.X.reshape(-1, 3, 4), np.asarray(table.y).reshape(-1, 3)
        assert (X[:, :, 1] == [0, 1, 2]).all() and (X[:, :, 2:] == [[20, 2], [30, 3], [10, 1]]).all()
        chosen = sorted(made)
        assert [[2, 3, 1].index(item) if item else None for _, item in chosen] == [
            int(row.argmax()) if row.any() else None for row in y
        ]
        if not held_out:
            assert table.weight is None
            continue
        positions = np.array([row.argmax() if row.any() else 0 for row in y])
        assert np.asarray(table.weight).reshape(-1, 3)[:, 0] == pytest.approx((1 + positions) ** 0.5)


def test_a_fifth_is_held_out() -> None:
    assert sum(is_held_out(str(i)) for i in range(10_000)) == pytest.approx(2_000, abs=150)
