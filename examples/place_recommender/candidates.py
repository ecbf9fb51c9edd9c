"""Finds the places around a point by a grid of cells, which an ordinary index serves in SQLite and PostgreSQL alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import and_, or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql import Select

from examples.place_recommender.database import Location

CELLS = 1024  # in a degree; 110 m from north to south
CELL_DEGREES = 1 / CELLS
COLUMNS = 360 * CELLS
KM_PER_DEGREE = 111.195
NEAR_KM = 1.0
MIN_KM = 0.1  # added to distances, whose logarithm is taken
MOST = 5_000  # rows that one query reads
MAX_BOXES = 20
FIELDS = ("id", "name", "category", "rating", "price", "latitude", "longitude")
FEATURES = ("log_distance", "affinity", "rating", "price", "near")


def cell(latitude: Any, longitude: Any) -> tuple[Any, Any]:
    """Return row and column of points in degrees; numbers or arrays."""
    row = np.floor((np.asarray(latitude) + 90) / CELL_DEGREES).astype(int)
    return row, np.floor((np.asarray(longitude) + 180) / CELL_DEGREES).astype(int) % COLUMNS


def distance_km(latitude: float, longitude: float, latitudes: Any, longitudes: Any) -> Any:
    """Return great-circle distances from a point, by the haversine formula."""
    there, here = np.radians(latitudes), np.radians(latitude)
    across = np.radians(np.asarray(longitudes) - longitude)
    half = np.sin((there - here) / 2) ** 2 + np.cos(here) * np.cos(there) * np.sin(across / 2) ** 2
    return 2 * np.degrees(np.arcsin(np.sqrt(np.minimum(half, 1)))) * KM_PER_DEGREE


def around(latitude: float, longitude: float, km: float, categories: list[str] | None = None) -> Select[Any]:
    """Return the query of the places in the cells within `km` of a point; a box across 180° is two ranges."""
    narrowest = max(np.cos(np.radians(min(89.9, abs(latitude) + km / KM_PER_DEGREE))), 1e-3)
    high, wide = km / KM_PER_DEGREE, min(km / KM_PER_DEGREE / narrowest, 179.9)
    rows = range(cell(latitude - high, 0)[0], cell(latitude + high, 0)[0] + 1)
    first, last = (int(cell(0, longitude + side)[1]) for side in (-wide, wide))
    column = Location.grid_column
    ranges = [(first, last)] if first <= last else [(first, COLUMNS), (0, last)]
    within = or_(
        *(and_(Location.grid_row.in_(list(map(int, rows))), column.between(west, east)) for west, east in ranges)
    )
    query = select(*(getattr(Location, name) for name in FIELDS)).where(within).limit(MOST)
    return query.where(Location.category.in_(categories)) if categories else query


def find(
    connection: Connection, latitude: float, longitude: float, km: float, number: int, categories: list[str] | None
) -> list[Any]:
    """Return up to `number` nearest places within `km` with their distances, nearest first: (distance, place).

    The box grows from one cell on until it holds enough, by how crowded it is: how many rows are read hardly depends on
    how many there are.
    """
    enough, side, crowded = 0.0, CELL_DEGREES * KM_PER_DEGREE, km
    for _ in range(MAX_BOXES):
        side = min(side, km)
        places = connection.execute(around(latitude, longitude, side, categories)).all()
        points = np.array([(place.latitude, place.longitude) for place in places]).reshape(-1, 2)
        distances = distance_km(latitude, longitude, points[:, 0], points[:, 1])
        inside = np.flatnonzero(distances <= side)
        if len(places) == MOST and enough:  # not all that are there
            crowded, side = side, (enough + side) / 2
        elif len(inside) >= number or side >= km or len(places) == MOST:
            break
        else:
            enough, wanted = side, side * np.sqrt(1.5 * number / max(1, len(inside)))
            side = min(max(wanted, 1.3 * side), 6 * side, (side + crowded) / 2 if crowded < km else km)
    nearest = inside[np.argsort(distances[inside], kind="stable")[:number]]
    return [(float(distances[i]), places[i]) for i in nearest]


def features(distances: Any, affinity: Any, rating: Any, price: Any) -> Any:
    """Return the features (n, 5) of places, in the order of FEATURES."""
    distances = np.asarray(distances, dtype=np.float64)
    return np.column_stack([np.log(distances + MIN_KM), affinity, rating, price, distances < NEAR_KM]).astype(
        np.float64
    )
