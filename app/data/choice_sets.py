"""Choice sets in the database of an application: what was shown to whom, in which order, and what was chosen.

It is what `ConditionalLogit` learns from. It needs the extra `sql`: only applications import it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal
from zlib import crc32

import numpy as np
from msgspec import Meta, Struct
from scipy.special import softmax
from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.orm import DeclarativeBase, Session

from app.data.database import Database, write_rows
from app.errors import Invalid, NotFound
from app.schemas.tables import Table

CONTEXT = ("choice_set", "position")
HELD_OUT_EACH = 5
MAX_SHOWN_CHARACTERS = 64  # of an id in an error


class ChoiceParams(Struct, forbid_unknown_fields=True):
    """Which choice sets are read; `choice_sets` are the most, the newest choices first."""

    part: Literal["train", "held_out"] = "train"
    choice_sets: Annotated[int, Meta(ge=1, le=50_000)] = 50_000
    examination: Annotated[float, Meta(ge=0, le=2)] = 0.5
    """What is held out weighs the more, the more seldom the position of the choice is looked at: (1 + position) to this
    power, its inverse propensity (Joachims, Swaminathan & Schnabel 2017). In training the model finds this itself."""


class ChoiceSets:
    """Three tables of an application: choice sets, the items that each has shown, and what was chosen.

    - `sets` has the primary key `id`, a text, and the truth value `held_out`: kept from training. It may have others.
    - `shown` has the column `set_id` names and `position`, from 0, as its primary key, the column `item_id` names, the
      number `probability`, and a number for each of `features`: as they were at that moment.
    - `choices` has the column `set_id` names as its primary key, the column `item_id` names, null for none of the set,
      and the time `created`.
    """

    def __init__(
        self,
        database: Database,
        sets: type[DeclarativeBase],
        shown: type[DeclarativeBase],
        choices: type[DeclarativeBase],
        *,
        set_id: str,
        item_id: str,
        features: Sequence[str],
    ) -> None:
        """Take the tables, and the names of their columns; nothing is opened."""
        self.columns = [*CONTEXT, *features, item_id]
        """Those of the table that `read` returns, and of what is to be ranked."""
        self._database, self._sets, self._shown, self._choices = database, sets, shown, choices
        self._set_id, self._item_id, self._features = set_id, item_id, [*features]
        self._of_shown, self._of_choices = shown.__table__.c, choices.__table__.c

    def add(self, set_id: str, **columns: Any) -> None:
        """Record a choice set, before anything of it is shown, with other columns of the table."""
        row = {"id": set_id, "held_out": is_held_out(set_id), **columns}
        with self._database.engine().begin() as connection:
            connection.execute(insert(self._sets).values(row))

    def show(self, set_id: str, prediction: Mapping[str, Any], limit: int, **columns: Any) -> None:
        """Record the items of the highest utility as shown, the best first; what was shown before stays as it was.

        `prediction` is the result of a predict that keeps the features and the item: utilities `y`, and columns `kept`.
        `columns` change the row of the choice set.
        """
        utility, kept = np.asarray(prediction["y"]), prediction["kept"]
        shares = softmax(utility)
        rows = [
            {self._set_id: set_id, self._item_id: int(kept[self._item_id][i]), "position": position}
            | {"probability": float(shares[i]), **{name: float(kept[name][i]) for name in self._features}}
            for position, i in enumerate(np.argsort(-utility, kind="stable")[:limit].tolist())
        ]
        with self._database.engine().begin() as connection:
            if columns:
                connection.execute(update(self._sets).where(self._sets.__table__.c.id == set_id).values(columns))
            write_rows(connection, self._shown, rows, existing="keep")

    def shown(self, set_id: str, limit: int, items: type[DeclarativeBase]) -> list[tuple[Any, Any]]:
        """Return the first rows that were shown, each with its item of the table `items`; NotFound for an unknown set.

        A choice set of which nothing was shown yet has none.
        """
        columns, (key,) = self._of_shown, items.__table__.primary_key
        query = (
            select(self._shown, items)
            .join(items, key == columns[self._item_id])
            .where(columns[self._set_id] == set_id)
            .order_by(columns.position)
            .limit(limit)
        )
        with Session(self._database.engine()) as session:
            if session.get(self._sets, set_id) is None:
                raise NotFound(f"there is no {set_id[:MAX_SHOWN_CHARACTERS]!r}")
            return [(row, item) for row, item in session.execute(query)]

    def choose(self, set_id: str, item: int | None) -> int | None:
        """Record what was chosen, in place of an earlier choice; return its position, None for none of the set.

        Raise NotFound for a choice set that has shown nothing, Invalid for an item that it has not shown.
        """
        shown = self._of_shown
        query = select(shown[self._item_id], shown.position).where(shown[self._set_id] == set_id)
        with self._database.engine().begin() as connection:
            positions = dict(iter(connection.execute(query)))
            if not positions:
                raise NotFound(f"{set_id[:MAX_SHOWN_CHARACTERS]!r} has shown nothing")
            if item is not None and item not in positions:
                raise Invalid.at(f"/{self._item_id}", f"{set_id!r} has not shown {item}")
            row = {self._set_id: set_id, self._item_id: item}
            write_rows(connection, self._choices, [row], existing="replace")
        return None if item is None else positions[item]

    def statistics(self) -> dict[str, float]:
        """Return how many choices there are, of how many of them something was chosen, and how far up that stood.

        The last is the mean of 1 / (1 + position). It is made for the gauges of `Application.measure`.
        """
        shown, choices = self._of_shown, self._of_choices
        same = (shown[self._set_id] == choices[self._set_id]) & (shown[self._item_id] == choices[self._item_id])
        query = (
            select(func.count(), func.count(shown.position), func.avg(1.0 / (shown.position + 1)))
            .select_from(self._choices.__table__)
            .outerjoin(self._shown.__table__, same)
        )
        with self._database.engine().connect() as connection:
            answered, chosen, rank = connection.execute(query).one()
        return {"answered": answered, "chosen": chosen, "mean_reciprocal_rank": float(rank or 0)}

    def read(self, params: ChoiceParams) -> Table:
        """Return `columns` as X, y = 1 for what was chosen, and weights of what is held out; ValueError for nothing."""
        with self._database.engine().connect() as connection:
            rows = connection.execute(self._query(params)).all()
        if not rows:
            raise ValueError("nothing has been chosen yet")
        number = np.unique([row[0] for row in rows], return_inverse=True)[1]
        chosen, *columns = np.array([row[1:] for row in rows], dtype=np.float64).T  # NaN for none of the set
        position, items = columns[0], columns[-1]
        y = (items == chosen).astype(np.float64)
        weight = None
        if params.part == "held_out":
            of_choice = np.zeros(number.max() + 1)
            of_choice[number[y == 1]] = position[y == 1]
            weight = (1 + of_choice[number]) ** params.examination
        X = np.column_stack([number, *columns])
        return Table(X, y, inputs=self.columns, outputs=["chosen"], weight=weight)

    def _query(self, params: ChoiceParams) -> Select[Any]:
        """Select choice set, what was chosen of it, position, features and item of each row that was shown."""
        sets, shown, choices = self._sets.__table__.c, self._of_shown, self._of_choices
        newest = (
            select(choices[self._set_id], choices[self._item_id])
            .join(self._sets, sets.id == choices[self._set_id])
            .where(sets.held_out == (params.part == "held_out"))
            .order_by(choices.created.desc(), choices[self._set_id])
            .limit(params.choice_sets)
            .subquery()
        )
        features = (shown[name] for name in self._features)
        return (
            select(shown[self._set_id], newest.c[self._item_id], shown.position, *features, shown[self._item_id])
            .join(newest, newest.c[self._set_id] == shown[self._set_id])
            .order_by(shown[self._set_id], shown.position)
        )


class ChoiceSource:
    """Base of a data source of what was chosen; a subclass has a `name`, and `choices`."""

    name: ClassVar[str]
    choices: ClassVar[ChoiceSets]
    Params: ClassVar[type[Struct]] = ChoiceParams

    def __init__(self, **params: Any) -> None:
        """Take the parameters of ChoiceParams."""
        self._params = ChoiceParams(**params)

    def read(self) -> Table:
        """Return what was shown, with y = 1 for what was chosen."""
        return self.choices.read(self._params)


def is_held_out(set_id: str) -> bool:
    """Return whether a choice set is kept from training: each fifth, by its id."""
    return crc32(set_id.encode()) % HELD_OUT_EACH == 0
