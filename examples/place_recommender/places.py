"""The places that were shown for a task, as its routes answer them."""

from __future__ import annotations

import math

from msgspec import Struct

from examples.place_recommender.candidates import FIELDS, MIN_KM
from examples.place_recommender.database import Location, slates


class Place(Struct):
    """A place of a slate; `position` counts from 0."""

    position: int
    id: int
    name: str
    category: str
    rating: float
    price: int
    latitude: float
    longitude: float
    distance_km: float
    probability: float


def shown(task_id: str, limit: int) -> list[Place]:
    """Return the first places that were shown for a task; raise NotFound for one that was not started here."""
    return [
        Place(
            position=row.position,
            distance_km=round(math.exp(row.log_distance) - MIN_KM, 3),
            probability=row.probability,
            **{name: getattr(place, name) for name in FIELDS},
        )
        for row, place in slates.shown(task_id, limit, Location)
    ]
