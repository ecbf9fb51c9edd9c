"""Who asks for places, which ones are around, and what the ranker knows of each."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct
from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from app.data.geo_grid import GeoGrid
from app.errors import Invalid
from app.schemas.allowed import instead
from app.schemas.pointers import escaped
from examples.place_recommender.database import Category, Location, User, engine

NEAR_KM = 1.0
MIN_KM = 0.1  # added to distances, whose logarithm is taken
FIELDS = ("id", "name", "category", "rating", "price", "latitude", "longitude")
GRID = GeoGrid(Location.grid_row, Location.grid_column)
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class Asked(Struct, forbid_unknown_fields=True):
    """A known `user`, or where somebody is and what is liked; what is given here wins over what is known."""

    user: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    affinity: dict[str, Annotated[float, Meta(ge=-1, le=1)]] | None = None
    """How much a category is liked, from −1 to 1."""
    categories: Annotated[list[str], Meta(max_length=50)] = []
    """Those of the places; all without any."""
    radius_km: Annotated[float, Meta(ge=0.01, le=50)] = 5.0
    candidates: Annotated[int, Meta(ge=1, le=500)] = 200
    """How many of the nearest places are ranked."""


def complete(asked: Asked) -> Asked:
    """Return what is asked with what is known of the user; raise Invalid for what the database does not have."""
    with Session(engine()) as session:
        user = None if asked.user is None else session.get(User, asked.user)
        categories = session.scalars(select(Category.name).order_by(Category.name)).all()
    if asked.user is not None and user is None:
        raise Invalid.at("/user", f"there is no user {asked.user}")
    named = {f"/categories/{i}": name for i, name in enumerate(asked.categories)}
    for pointer, name in (named | {f"/affinity{escaped(name)}": name for name in asked.affinity or ()}).items():
        if name not in categories:
            raise Invalid.at(pointer, f"there is no such category{instead(name, categories)}")
    if user is not None:
        lacking = [name for name in ("latitude", "longitude", "affinity") if getattr(asked, name) is None]
        return replace(asked, **{name: getattr(user, name) for name in lacking})
    for name in ("latitude", "longitude"):
        if getattr(asked, name) is None:
            raise Invalid.at(f"/{name}", "name a user, or give latitude and longitude")
    return asked


def find(
    connection: Connection, latitude: float, longitude: float, km: float, number: int, categories: list[str] | None
) -> list[Any]:
    """Return up to `number` nearest places within `km` with their distances, nearest first: (distance, place)."""
    query = select(*(getattr(Location, name) for name in FIELDS))
    if categories:
        query = query.where(Location.category.in_(categories))
    return GRID.nearest(connection, query, latitude, longitude, km, number)


def features(distances: Any, affinity: Any, rating: Any, price: Any) -> Any:
    """Return the features (n, 5) of places, in the order of FEATURES."""
    distances = np.asarray(distances, dtype=np.float64)
    return np.column_stack([np.log(distances + MIN_KM), affinity, rating, price, distances < NEAR_KM])
