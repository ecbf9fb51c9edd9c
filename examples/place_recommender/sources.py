"""What the ranker reads: the places around a user to rank, and what users selected of what they were shown."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from msgspec import Meta, Struct
from sqlalchemy import select

from app.schemas.tables import Table
from examples.place_recommender.candidates import FEATURES, features, find
from examples.place_recommender.database import Inference, Selection, Shown, engine

TRAINING: dict[str, Any] = {
    "data": {"source": "selections"},
    "ignore": ["place"],
    "promote": {"on": {"source": "selections", "params": {"part": "held_out"}}, "metric": "mrr"},
}
COLUMNS = ["slate", "position", *FEATURES, "place"]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Affinity = dict[str, Annotated[float, Meta(ge=-1, le=1)]]
Categories = Annotated[list[str], Meta(max_length=50)]
Radius = Annotated[float, Meta(ge=0.01, le=50)]


class Request(Struct, forbid_unknown_fields=True):
    """Where somebody is, what he likes (−1 to 1 for each category), and what he looks for."""

    latitude: Latitude
    longitude: Longitude
    affinity: Affinity = {}
    categories: Categories = []
    radius_km: Radius = 5.0
    candidates: Annotated[int, Meta(ge=1, le=500)] = 200


class Candidates:
    """The nearest places around a user, to be ranked."""

    name: ClassVar[str] = "candidates"
    Params: ClassVar[type[Struct]] = Request

    def __init__(self, **params: Any) -> None:
        self._asked = Request(**params)

    def read(self) -> Table:
        """Return a row for each place."""
        asked = self._asked
        where = asked.latitude, asked.longitude, asked.radius_km
        with engine().connect() as connection:
            found = find(connection, *where, asked.candidates, asked.categories)
        if not found:
            raise ValueError(f"there is no such place within {asked.radius_km:g} km")
        distances, places = zip(*found, strict=True)
        liked = [asked.affinity.get(place.category, 0.0) for place in places]
        known = features(distances, liked, [place.rating for place in places], [place.price for place in places])
        ids = np.array([place.id for place in places], dtype=np.float64)
        return Table(np.column_stack([np.zeros((len(found), 2)), known, ids]), inputs=COLUMNS)


class SelectionParams(Struct, forbid_unknown_fields=True):
    """Which slates; `slates` are the most, the newest first."""

    part: Literal["train", "held_out"] = "train"
    slates: Annotated[int, Meta(ge=1, le=50_000)] = 50_000
    examination: Annotated[float, Meta(ge=0, le=2)] = 0.5
    """A held-out slate counts as often as the position of its selection is seldom looked at: (1 + position) to this
    power, its inverse propensity (Joachims, Swaminathan & Schnabel 2017). In training the model finds this itself."""


class Selections:
    """What was shown and what was selected of it, a row for each place."""

    name: ClassVar[str] = "selections"
    Params: ClassVar[type[Struct]] = SelectionParams

    def __init__(self, part: str, slates: int, examination: float) -> None:
        self._held_out, self._slates, self._examination = part == "held_out", slates, examination

    def read(self) -> Table:
        """Return X, y = 1 for what was selected, and weights of held-out rows; ValueError if there are none."""
        newest = (
            select(Selection.inference_id, Selection.location_id)
            .join(Inference, Inference.id == Selection.inference_id)
            .where(Inference.held_out == self._held_out)
            .order_by(Selection.created.desc(), Selection.inference_id)
            .limit(self._slates)
            .subquery()
        )
        features = (getattr(Shown, feature) for feature in FEATURES)
        query = (
            select(Shown.inference_id, newest.c.location_id, Shown.position, *features, Shown.location_id)
            .join(newest, newest.c.inference_id == Shown.inference_id)
            .order_by(Shown.inference_id, Shown.position)
        )
        with engine().connect() as connection:
            rows = connection.execute(query).all()
        if not rows:
            raise ValueError("no slate has been answered yet")
        slate = np.unique([row[0] for row in rows], return_inverse=True)[1]
        chosen, *columns = np.array([row[1:] for row in rows], dtype=np.float64).T  # NaN for none of the slate
        y = (columns[-1] == chosen).astype(np.float64)
        weight = None
        if self._held_out:
            at = np.zeros(slate.max() + 1)
            at[slate[y == 1]] = columns[0][y == 1]
            weight = (1 + at[slate]) ** self._examination
        return Table(np.column_stack([slate, *columns]), y, inputs=COLUMNS, outputs=["chosen"], weight=weight)
