"""Finds the places around a point, and says what the ranker knows of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.engine import Connection

from app.data.geo_grid import GeoGrid
from examples.place_recommender.database import Location

NEAR_KM = 1.0
MIN_KM = 0.1  # added to distances, whose logarithm is taken
FIELDS = ("id", "name", "category", "rating", "price", "latitude", "longitude")
FEATURES = ("log_distance", "affinity", "rating", "price", "near")
GRID = GeoGrid(Location.grid_row, Location.grid_column)


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
    return np.column_stack([np.log(distances + MIN_KM), affinity, rating, price, distances < NEAR_KM]).astype(
        np.float64
    )
