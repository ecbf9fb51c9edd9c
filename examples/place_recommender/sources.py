"""What the ranker reads: the places around a user to rank, and what users selected of what they were shown."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from msgspec import Struct

from app.data.choice_sets import ChoiceSets, ChoiceSource
from app.schemas.tables import Table
from examples.place_recommender.candidates import Asked, complete, features, find
from examples.place_recommender.database import engine, slates

TRAINING: dict[str, Any] = {
    "data": {"source": "selections"},
    "ignore": ["location_id"],
    "promote": {"on": {"source": "selections", "params": {"part": "held_out"}}, "metric": "mrr"},
}


class Candidates:
    """The nearest places around a user, to be ranked."""

    name: ClassVar[str] = "candidates"
    Params: ClassVar[type[Struct]] = Asked

    def __init__(self, **params: Any) -> None:
        self._asked = Asked(**params)

    def read(self) -> Table:
        """Return a row for each place; ValueError if there is none."""
        asked = complete(self._asked)
        point: tuple[Any, Any] = asked.latitude, asked.longitude
        with engine().connect() as connection:
            found = find(connection, *point, asked.radius_km, asked.candidates, asked.categories)
        if not found:
            raise ValueError(f"there is no such place within {asked.radius_km:g} km")
        distances, places = zip(*found, strict=True)
        liked = [(asked.affinity or {}).get(place.category, 0.0) for place in places]
        known = features(distances, liked, [place.rating for place in places], [place.price for place in places])
        ids = np.array([place.id for place in places], dtype=np.float64)
        return Table(np.column_stack([np.zeros((len(found), 2)), known, ids]), inputs=slates.columns)


class Selections(ChoiceSource):
    """What was shown and what was selected of it, a row for each place."""

    name: ClassVar[str] = "selections"
    choices: ClassVar[ChoiceSets] = slates
